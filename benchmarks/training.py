"""Tokens per second of a training step: gather against dense decoder, bfloat16 against float32.

`python -m benchmarks.training --out benchmarks/results/training.json`, on random tokens at the
shape of the shipped dictionaries. Variants take turns, step by step, so that other load hits all
alike: the ratios are the result, the absolute figures are those of a busy machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from pathlib import Path
from statistics import median

import torch

from tests.made_caches import write_cache
from universality.training.inputs import input_statistics
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer

D_IN, N_TOKENS, WARMUP = 576, 40_000, 3
VARIANTS = [
    (decoder, dtype) for decoder in ("dense", "gather") for dtype in ("float32", "bfloat16")
]


def step_seconds(trainers: dict[str, Trainer], n_steps: int) -> dict[str, float]:
    """Median seconds of a step of each trainer."""
    taken: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(n_steps + WARMUP):
        for name, trainer in trainers.items():
            before = trainer.seconds
            trainer.advance()
            taken[name].append(trainer.seconds - before)
    return {name: median(seconds[WARMUP:]) for name, seconds in taken.items()}


def main() -> None:
    """Measure, print a line per variant, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--width", type=int, default=2304)
    parser.add_argument("--batch-size", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        cache = write_cache(Path(folder) / "c", torch.randn(N_TOKENS, D_IN, generator=generator))
        statistics = input_statistics(cache)
        base = {"d_sae": options.width, "batch_size": options.batch_size}
        trainers = {
            f"{decoder} {dtype}": Trainer(
                TrainingSettings(decoder=decoder, dtype=dtype, **base), cache, statistics
            )
            for decoder, dtype in VARIANTS
        }
        seconds = step_seconds(trainers, options.steps)
    result = {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "d_in": D_IN,
        "width": options.width,
        "batch_size": options.batch_size,
        "tokens_per_second": {name: round(options.batch_size / s) for name, s in seconds.items()},
        "speed_up_over_dense_float32": {
            name: round(seconds["dense float32"] / s, 2) for name, s in seconds.items()
        },
    }
    print(json.dumps(result, indent=1))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
