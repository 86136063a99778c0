"""Time and memory of a study of nine runs against the same number of single matchings.

    python -m benchmarks.stability --n 32768 --d 768 --runs 9
    python -m benchmarks.stability --n 32768 --d 768 --runs 9 --whole

Planted runs: anisotropic rows with a shared mean, half of them common to all runs with noise, in
shuffled order; encoder rows lie near the decoder's. Single matchings are timed on a few pairs
spread over all and scaled to their number; the study does the same matchings, and draws its nulls,
matches each run with itself, finds families, cycles and intervals, and checks every pair. `--whole`
does so by both views of directions and with every null that `compare` draws; without it, by the
decoder and with two draws of `geometry`. Times are CPU seconds of the process. The result is added
to `benchmarks/results/stability.json`.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from universality.activation_functions import TopK
from universality.dictionary import Dictionary, Source
from universality.matching import assign
from universality.recurrence.study import stability
from universality.runs.policy import Policy
from universality.similarity import Cosine

RESULTS = Path(__file__).parent / "results/stability.json"
SHORT = Policy(views=("decoder",), nulls=("geometry",), n_draws=2)
WHOLE = Policy(views=("decoder", "encoder"))


def planted(n: int, d: int, n_runs: int, *, seed: int = 0) -> list[Dictionary]:
    """Runs that share half of their directions at mixed noise."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.arange(1, d + 1).float().pow(-0.5)
    spread *= d**0.5 / spread.norm()
    mean = 0.3 * torch.randn(d, generator=generator)
    common = torch.randn(n // 2, d, generator=generator) * spread + mean
    noise = torch.rand(n // 2, 1, generator=generator)
    runs = []
    for number in range(n_runs):
        own = torch.randn(n, d, generator=generator) * spread
        own[: n // 2] = common + noise * own[: n // 2]
        own[n // 2 :] += mean
        rows = own[torch.randperm(n, generator=generator)]
        near = rows + 0.5 * torch.randn(n, d, generator=generator) * spread
        source = Source(name=f"run{number}")
        runs.append(Dictionary(W_dec=rows, W_enc=near, activation_fn=TopK(32), source=source))
    return runs


def measure(n: int, d: int, n_runs: int, n_single: int, policy: Policy) -> dict[str, Any]:
    """CPU seconds and gigabytes of one study, and of single matchings of its pairs."""
    runs, views = planted(n, d, n_runs), policy.views or ()
    pairs = list(combinations(range(n_runs), 2))
    timed = pairs[:: max(1, len(pairs) // n_single)]
    start = time.process_time()
    for i, j in timed:
        for view in views:
            assign(Cosine.between(*(runs[k].directions(view) for k in (i, j)), device="cpu"))
    single = (time.process_time() - start) / len(timed)
    start = time.process_time()
    found = stability(runs, policy)
    seconds = time.process_time() - start
    return {
        "n": n,
        "d": d,
        "n_runs": n_runs,
        "views": list(views),
        "nulls": list(policy.nulls),
        "null_draws": policy.n_draws,
        "cpu_seconds": round(seconds, 1),
        "cpu_seconds_of_one_matching": round(single, 2),
        "timed_matchings": len(timed),
        "ratio_to_single_matchings": round(seconds / (single * len(pairs)), 3),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "in_all_runs_fraction": found.summary["families"]["decoder"]["in_all_runs_fraction"],
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
    }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=32_768)
    parser.add_argument("--d", type=int, default=768)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--single", type=int, default=6)
    parser.add_argument("--whole", action="store_true", help="every view of directions, every null")
    options = parser.parse_args()
    policy = WHOLE if options.whole else SHORT
    found = measure(options.n, options.d, options.runs, options.single, policy)
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    same = ("n", "d", "views", "n_runs")
    kept = [one for one in earlier if any(one[key] != found[key] for key in same)]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([*kept, found], indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
