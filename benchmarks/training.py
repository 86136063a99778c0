"""Tokens per second of a training step, ours beside other libraries', in turns.

    PEERS/bin/python -m benchmarks.training --out benchmarks/results/training.json

in the environment that `benchmarks.training_peers` describes (elsewhere only ours is measured).
Random tokens, at the shape of the shipped dictionaries unless told otherwise; ours with norms,
projection, auxiliary loss, clipping and counts of dead latents, reading its rows from a cache.
Trainers take turns step by step, so other load hits all alike, and the time is what the process
used of its processors (`cpu`), with the wall time beside it: the ratios are the result.

The L1 kinds and JumpReLU begin with half of their codes active and end with few, where ours lists
the active ones as with TopK and the others multiply by zeros as before. `ours, 32 active` is ours
with biases (thresholds) moved to where 32 latents fire per token, as in most of a run.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.training_peers import PEERS, VERSIONS, Job
from tests.made_caches import write_cache
from universality.training.architectures import make_architecture
from universality.training.data import TrainingData, training_data
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer

D_IN, N_TOKENS, WARMUP = 576, 40_000, 2
SPARSITY = {
    "relu": 5.0,
    "gated": 5.0,
    "topk": 32,
    "batchtopk": 32,
    "matryoshka": 32,
    "jumprelu": 32,
}
OPTIONS = {"relu": "l1", "gated": "l1", "jumprelu": "target_l0"}


def ours(
    job: Job, data: TrainingData, *, active: int | None = None
) -> Callable[[torch.Tensor], None]:
    """A step of our trainer; with `active`, where so many latents fire per token."""
    option = OPTIONS.get(job.architecture, "k")
    trainer = Trainer(
        TrainingSettings(
            job.d_sae,
            make_architecture(job.architecture, {option: job.sparsity}),
            batch_size=job.batch_size,
            n_tokens=job.n_steps * job.batch_size,
            dtype="bfloat16" if job.bfloat16 else "float32",
        ),
        data,
    )
    if active is not None:
        _fire(trainer, active)
    return lambda _x: trainer.advance()


@torch.no_grad()
def _fire(trainer: Trainer, active: int) -> None:
    p = trainer.parameters
    x = trainer.data.source.scaled(torch.arange(512))
    pre = (x - p["b_dec"]) @ p["W_enc"].T
    least = pre.flatten().topk(active * len(x)).values[-1]
    if "threshold" in p:
        p["threshold"].fill_(float(least))
    else:
        p["b_gate" if "b_gate" in p else "b_enc"].sub_(float(least))


def measure(job: Job, data: TrainingData, *, n_steps: int, warm: int) -> dict[str, Any]:
    """Tokens per second of every trainer that has the architecture, and ours over the fastest."""
    generator = torch.Generator().manual_seed(1)
    x = data.source.raw(torch.randperm(len(data.cache), generator=generator)).float()
    steps: dict[str, Callable[[torch.Tensor], None]] = {"ours": ours(job, data)}
    if job.architecture in OPTIONS:
        steps["ours, 32 active"] = ours(job, data, active=32)
    for name, make in PEERS.items():
        if (peer := make(job, x[:4096])) is not None:
            steps[name] = peer.step
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number in range(warm + n_steps):
        start = (number * job.batch_size) % (len(x) - job.batch_size)
        batch = x[start : start + job.batch_size]
        for name, step in steps.items():
            cpu, wall = time.process_time(), time.perf_counter()
            step(batch)
            taken[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu_rate, wall_rate = (
        {
            name: round(job.batch_size / median(times[i] for times in found[warm:]))
            for name, found in taken.items()
        }
        for i in (0, 1)
    )
    peers = [rate for name, rate in cpu_rate.items() if not name.startswith("ours")]
    over = {
        name: round(rate / max(peers), 2)
        for name, rate in cpu_rate.items()
        if peers and name.startswith("ours")
    }
    return {
        "architecture": job.architecture,
        "dtype": "bfloat16" if job.bfloat16 else "float32",
        "d_sae": job.d_sae,
        "steps_before": warm,
        "tokens_per_cpu_second": cpu_rate,
        "tokens_per_second": wall_rate,
        "over_fastest_peer": over,
    }


def main() -> None:
    """Measure, print a line per row, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--width", type=int, nargs="+", default=[2304])
    parser.add_argument("--batch-size", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warm", type=int, default=WARMUP)
    parser.add_argument("--architectures", nargs="+", default=list(SPARSITY))
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    options = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        made = torch.randn(N_TOKENS, D_IN, generator=generator)
        data = training_data(write_cache(Path(folder) / "c", made), in_memory=True)
        for architecture in options.architectures:
            for width in options.width:
                for dtype in options.dtypes:
                    job = Job(
                        architecture, D_IN, width, options.batch_size, options.steps + options.warm,
                        seed=0, sparsity=SPARSITY[architecture], bfloat16=dtype == "bfloat16",
                    )  # fmt: skip
                    rows.append(measure(job, data, n_steps=options.steps, warm=options.warm))
                    print(json.dumps(rows[-1]), flush=True)
    result = {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "processor": platform.processor() or platform.machine(),
        "peers": VERSIONS,
        "d_in": D_IN,
        "batch_size": options.batch_size,
        "steps": options.steps,
        "rows": rows,
    }
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
