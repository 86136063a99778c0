"""Where the time of a whole comparison goes, by stage: of the shipped pair, start included.

    python -m benchmarks.compare --runs 3
    python -m benchmarks.compare --runs 3 --activations

Every run is a process of its own, as a user starts it. Stages are wall time and CPU time of the
process between the steps of `universality compare`; what one step leaves to another (figures, the
page, the manifest) counts where it runs. Written are every run, the median and the spread, with the
machine, its instruction set and its threads; runs of earlier days stay in the file. On a machine
that does other work CPU time is the one to read.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results" / "compare.json"
STAGES = {
    "universality.runs.opening.open_run": "open",
    "universality.comparison.comparison.gather_runs": "encode",
    "universality.comparison.comparison.match_runs": "match",
    "universality.comparison.comparison.draw_nulls": "nulls",
    "universality.comparison.comparison.match_own_runs": "own runs",
    "universality.comparison.comparison.find_between": "between",
    "universality.comparison.comparison.latent_tables": "latents",
    "universality.comparison.comparison.evidence_of": "evidence",
    "universality.comparison.comparison.check_pair": "checks",
    "universality.figures.write_figures": "figures",
    "universality.publishing.publication.page": "page",
    "universality.publishing.publication.write_manifest": "manifest",
}
"""Functions of the command, each in the module that calls it, and what their time is called."""


def one_run(activations: bool, out: Path) -> dict[str, Any]:
    """Seconds by stage of this process, which does one comparison and has done nothing before."""
    started = time.perf_counter(), time.process_time()
    modules = {place: import_module(place.rpartition(".")[0]) for place in STAGES}
    from universality.cli.main import main
    from universality.shipped import sample, two_seeds

    spent: dict[str, list[float]] = {"imports": _since(started)}
    for place, stage in STAGES.items():
        name = place.rpartition(".")[2]
        setattr(modules[place], name, _timed(getattr(modules[place], name), stage, spent))
    a, b = two_seeds()
    more = ["--activations", str(sample())] if activations else []
    try:
        main(["compare", str(a), str(b), *more, "--out", str(out), "--overwrite"])
    except SystemExit as left:
        if left.code:
            raise
    spent["all"] = _since(started)
    listed = [sum(values[i] for name, values in spent.items() if name != "all") for i in (0, 1)]
    spent["rest"] = [spent["all"][i] - listed[i] for i in (0, 1)]
    return {name: {"wall": wall, "cpu": cpu} for name, (wall, cpu) in spent.items()}


def measured(activations: bool, n_runs: int) -> dict[str, Any]:
    """Every run and the median by stage, with what they ran on."""
    runs = []
    for _ in range(n_runs):
        with tempfile.TemporaryDirectory() as folder:
            order = [sys.executable, "-m", "benchmarks.compare", "--one", f"{folder}/out"]
            order += ["--activations"] if activations else []
            told = subprocess.run(order, check=True, capture_output=True, text=True)
            runs.append(json.loads(told.stdout.splitlines()[-1]))
    import torch

    return {
        "activations": activations,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "day": time.strftime("%Y-%m-%d"),
        "stages": {
            stage: {
                kind: {
                    "median": round(median(run[stage][kind] for run in runs), 3),
                    "least": round(min(run[stage][kind] for run in runs), 3),
                    "most": round(max(run[stage][kind] for run in runs), 3),
                }
                for kind in ("wall", "cpu")
            }
            for stage in runs[0]
        },
    }


def _since(started: tuple[float, float]) -> list[float]:
    return [time.perf_counter() - started[0], time.process_time() - started[1]]


def _timed(function: Callable[..., Any], stage: str, spent: dict[str, list[float]]) -> Any:
    def timed(*given: Any, **named: Any) -> Any:
        started = time.perf_counter(), time.process_time()
        try:
            return function(*given, **named)
        finally:
            earlier = spent.get(stage, [0.0, 0.0])
            spent[stage] = [a + b for a, b in zip(earlier, _since(started), strict=True)]

    return timed


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--activations", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one is not None:
        print(json.dumps(one_run(chosen.activations, chosen.one)))
        return
    found = measured(chosen.activations, chosen.runs)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    RESULTS.write_text(json.dumps([*kept, found], indent=1) + "\n", encoding="utf-8")
    for stage, by_kind in found["stages"].items():
        wall, cpu = by_kind["wall"], by_kind["cpu"]
        print(f"{stage:<10} {wall['median']:7.2f} s wall, {cpu['median']:7.2f} s CPU")


if __name__ == "__main__":
    _main()
