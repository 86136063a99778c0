"""Every way to work off a plan, and every place to die in: is the result the plain command's?

    python -m analysis.doors_and_kills --out analysis/results/doors_and_kills.json
    python -m analysis.doors_and_kills --doors shards,claim,executor,torchrun,kill --out FILE

Small planted runs of two widths over common tokens (`tests/tiny_study.py`), `compare` and
`stability`, each in processes of its own. `kill` sends SIGKILL to a worker when its n-th tile is
finished, or while it is at the next, for several n, and lets another number of workers go on.
`ray` and `slurm` need their extras (`slurm` runs submitit's jobs on this machine). What a door
wrote is compared with the plain command's folder file by file; of the manifest, what is neither
time nor command. Doors that were already tried are kept in the file and not tried again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tests.distributed.planned import Case, bytes_of, make_case
from universality.distributed.engines import work, work_in_ray, work_in_slurm
from universality.distributed.merging import merge_work
from universality.storage.json_output import write_json

_WORKER = [sys.executable, "-m", "universality.cli", "work"]
_KILLS = (0, 1, 3, 8)
_LONGEST = 300


def shards(plan: Path) -> None:
    """Seven processes, one after the other, in an order of their own."""
    for number in (3, 6, 0, 5, 2, 4, 1):
        _run([*_WORKER, str(plan), "--shard", f"{number}/7"])


def at_once(plan: Path) -> None:
    """Two shards at the same time, which wait for each other's codes and matches."""
    started = [_start([*_WORKER, str(plan), "--shard", f"{part}/2"]) for part in range(2)]
    _end(started)


def claim(plan: Path) -> None:
    """Three processes that take whatever is free."""
    _end([_start([*_WORKER, str(plan), "--claim"]) for _ in range(3)])


def executor(plan: Path) -> None:
    """A pool of two processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        work(plan, executor=pool, progress=False)


def torchrun(plan: Path) -> None:
    """Two ranks."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    _run([*launch, "-m", "universality.cli", "work", str(plan)])


def ray(plan: Path) -> None:
    """A local Ray of two actors."""
    work_in_ray(plan, n_workers=2, progress=False)


def slurm(plan: Path) -> None:
    """Two of submitit's jobs, on this machine."""
    work_in_slurm(plan, n_jobs=2, logs=plan.with_name("logs"), cluster="local", minutes=10)


def mixture(plan: Path) -> None:
    """One shard of three, then one of two, then a pool."""
    _run([*_WORKER, str(plan), "--shard", "1/3"])
    _run([*_WORKER, str(plan), "--shard", "0/2"])
    executor(plan)


def kill(plan: Path) -> None:
    """Workers killed after 0, 1, 3, 8 tiles of theirs; two go on, one with another number."""
    for n_tiles in _KILLS:
        before = _n_done(plan)
        worker = _start([*_WORKER, str(plan), "--claim"])
        deadline = time.monotonic() + _LONGEST
        while worker.poll() is None and _n_done(plan) < before + n_tiles:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no tile in {_LONGEST} s")
            time.sleep(0.005)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    at_once(plan)


DOORS: dict[str, Callable[[Path], None]] = {
    one.__name__: one
    for one in (shards, at_once, claim, executor, torchrun, ray, slurm, mixture, kill)
}


def tried(door: str, case: Case, folder: Path) -> dict[str, Any]:
    """What a door made of a plan, beside the plain result."""
    plan = case.plan(folder / "plan")
    begun = time.monotonic()
    DOORS[door](plan)
    merge_work(plan, folder / "merged")
    found = bytes_of(folder / "merged")
    differ = sorted(
        name for name in {*found, *case.plain} if found.get(name) != case.plain.get(name)
    )
    return {
        "n_tiles": _n_done(plan),
        "n_files": len(found),
        "files_that_differ": differ,
        "seconds": round(time.monotonic() - begun, 1),
    }


def _n_done(plan: Path) -> int:
    return len(list((plan / "done").glob("*.json")))


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def _run(command: list[str]) -> None:
    _end([_start(command)])


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    codes = [one.wait(timeout=_LONGEST) for one in started]
    if any(codes):
        raise RuntimeError(f"workers left with {codes}")


def main() -> None:
    """Try doors and write what they gave."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--doors", default=",".join(DOORS))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    results: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        for command in ("compare", "stability"):
            of_command = results.setdefault(command, {})
            wanted = [door for door in options.doors.split(",") if door not in of_command]
            if not wanted:
                continue
            place = Path(scratch) / command
            place.mkdir()
            case = make_case(command, place)
            for door in wanted:
                (place / door).mkdir()
                of_command[door] = tried(door, case, place / door)
                print(command, door, of_command[door], flush=True)
                write_json(results, options.out)


if __name__ == "__main__":
    main()
