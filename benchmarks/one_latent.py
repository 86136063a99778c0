"""What the questions about one latent cost, after the model and the codes are loaded.

    OMP_NUM_THREADS=1 python -m benchmarks.one_latent --model MODEL
    OMP_NUM_THREADS=1 python -m benchmarks.one_latent --neurons RUN --activations CACHE

CPU seconds of one thread, for latent 17 of a shipped run on the shipped activations; MODEL is
SmolLM2-135M-Instruct. The second line measures a run on neurons, of which the latent nearest to
firing on 1 % of the tokens is asked about: RUN is of 1,536 latents on `blocks.8.mlp.hook_post` of
the same model, CACHE 8,200 tokens of it. Writes `benchmarks/results/one_latent.csv`, in which rows
that are not measured stay.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from universality.activations.formats.detection import open_activations
from universality.encoding.streaming import encode
from universality.investigation.investigating import investigate
from universality.loading import load
from universality.models.language_model import load_language_model

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "pretrained" / "smollm2-135m.blocks.8.hook_resid_post"
_FREQUENCY = 0.01
OUT = ROOT / "benchmarks" / "results" / "one_latent.csv"


def run(model: str) -> None:
    """Measure, and write the table."""
    loaded = load_language_model(model)
    with tempfile.TemporaryDirectory() as keep:

        def ask(**more: Any) -> Callable[[], Any]:
            common = {"keep": keep, "proxies": "regex:often", "progress": False}
            return lambda: investigate(RUNS / "w2304-s0", 17, RUNS / "activations", **common | more)

        ask()()
        cases = {
            "specific and sensitive": ask(),
            "and logit weights, effects of ablation and pinning on ten contexts of 64 tokens": ask(
                model=loaded, n_controls=0
            ),
            "and ten controls, measured for the first time": ask(model=loaded),
            "and ten controls that were kept": ask(model=loaded),
        }
        rows = [{"what": what, "cpu_seconds": _cpu(make)} for what, make in cases.items()]
    _write(rows)


def run_on_neurons(run: str, activations: Path) -> None:
    """Measure the questions without a model where the hook is of neurons, and write the row."""
    cache = open_activations(activations)
    with tempfile.TemporaryDirectory() as keep:
        codes = encode(load(run), cache, progress=False)
        latent = int(np.abs(codes.frequency - _FREQUENCY).argmin())

        def ask() -> None:
            investigate(run, latent, cache, keep=keep, proxies="regex:often", progress=False)

        ask()
        what = "specific, sensitive and more than a neuron, of 1,536 neurons"
        _write([{"what": what, "cpu_seconds": _cpu(ask)}])


def _write(rows: list[dict[str, Any]]) -> None:
    """These rows in place of those of the same name."""
    before = pd.read_csv(OUT) if OUT.is_file() else pd.DataFrame(columns=["what", "cpu_seconds"])
    new = pd.DataFrame(rows)
    table = pd.concat([before[~before["what"].isin(new["what"])], new], ignore_index=True)
    table.to_csv(OUT, index=False, float_format="%.1f")
    print(table.to_string(index=False))


def _cpu(make: Callable[[], Any]) -> float:
    started = time.process_time()
    make()
    return time.process_time() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model")
    parser.add_argument("--neurons", metavar="RUN")
    parser.add_argument("--activations", type=Path)
    given = parser.parse_args()
    if given.model:
        run(given.model)
    if given.neurons:
        run_on_neurons(given.neurons, given.activations)
