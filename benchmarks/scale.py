"""Two workers of one thread against one, by kind of tile, and what merging takes.

    python -m benchmarks.scale --n 16384 --d 768

Two planted runs (as in `benchmarks.stability`), saved, by both views of directions. A plan of
`compare` is worked off by one process, then a second plan of the same by two at once, each claiming
tiles, with one thread per tile. Wall-clock times of the workers from start to end, the sum over
tiles by kind, the time of the merge, and whether the two merged folders are byte-equal. The result
is added to `benchmarks/results/scale.json`. Run it on an otherwise idle machine of two cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.stability import planted
from universality.distributed.merging import merge_work
from universality.distributed.plan_status import plan_status
from universality.distributed.planning import plan_work
from universality.distributed.receipts import read_receipt
from universality.runs.policy import Policy
from universality.saving import save
from universality.storage.json_output import write_json

RESULTS = Path(__file__).parent / "results/scale.json"


def measure(n: int, d: int, folder: Path) -> dict[str, Any]:
    """One worker, then two, at plans of the same comparison."""
    arguments = {}
    for side, run in zip("ab", planted(n, d, 2), strict=True):
        save(run, folder / side)
        arguments[side] = folder / side
    found: dict[str, Any] = {"n": n, "d": d, "machine": platform.platform()}
    digests = []
    for n_workers in (1, 2):
        plan = folder / f"plan-{n_workers}"
        plan_work("compare", arguments, plan, policy=Policy(n_draws=2), threads=1)
        wall = _worked(plan, n_workers)
        begun = time.perf_counter()
        merge_work(plan, folder / f"merged-{n_workers}")
        merged = time.perf_counter() - begun
        digests.append(_bytes(folder / f"merged-{n_workers}"))
        found[f"workers_{n_workers}"] = {
            "seconds": round(wall, 1),
            "merge_seconds": round(merged, 1),
            "seconds_by_kind": _by_kind(plan),
        }
    one, two = (found[f"workers_{k}"] for k in (1, 2))
    return found | {
        "speed_up": round(one["seconds"] / two["seconds"], 2),
        "merge_share": round(two["merge_seconds"] / (two["seconds"] + two["merge_seconds"]), 3),
        "byte_equal": digests[0] == digests[1],
    }


def _worked(plan: Path, n_workers: int) -> float:
    command = [sys.executable, "-m", "universality.cli", "work", str(plan), "--claim"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    begun = time.perf_counter()
    started = [subprocess.Popen(command, env=environment) for _ in range(n_workers)]
    if any(one.wait() for one in started):
        raise RuntimeError("a worker failed")
    return time.perf_counter() - begun


def _by_kind(folder: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    status = plan_status(folder)
    for tile in status.done:
        receipt = read_receipt(folder, status.plan, tile)
        assert receipt is not None
        found[tile.kind] = round(found.get(tile.kind, 0.0) + receipt.seconds, 1)
    return found


def _bytes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def main() -> None:
    """Measure, and add to the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=16_384)
    parser.add_argument("--d", type=int, default=768)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(options.n, options.d, Path(scratch))
    print(json.dumps(found, indent=1))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    write_json(results | {f"{options.n} x {options.d}": found}, RESULTS)


if __name__ == "__main__":
    main()
