"""What the questions about one latent cost, after the model and the codes are loaded.

    OMP_NUM_THREADS=1 python -m benchmarks.one_latent --model MODEL

CPU seconds of one thread, for latent 17 of a shipped run on the shipped activations; MODEL is
SmolLM2-135M-Instruct. Writes `benchmarks/results/one_latent.csv`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from universality.investigation.investigating import investigate
from universality.models.language_model import load_language_model

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "pretrained" / "smollm2-135m.blocks.8.hook_resid_post"
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
    table = pd.DataFrame(rows)
    table.to_csv(OUT, index=False, float_format="%.1f")
    print(table.to_string(index=False))


def _cpu(make: Callable[[], Any]) -> float:
    started = time.process_time()
    make()
    return time.process_time() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    run(parser.parse_args().model)
