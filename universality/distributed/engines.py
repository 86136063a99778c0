"""Engines that people already run: each hands out tiles by name; results stay in the plan's folder.

An engine decides who makes which tile, and carries nothing but names and seconds. Each of its
processes opens the inputs once and keeps them for every tile that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, as_completed
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from universality.compute.stages import counted
from universality.distributed.plan_status import plan_status
from universality.distributed.shard import Shard
from universality.distributed.work_plan import read_plan
from universality.distributed.working import Worked, Worker, threads_set
from universality.errors import InvalidInputError, MissingDependencyError
from universality.storage.leases import LEASE, PATIENCE
from universality.validation import FLAG, PATH, Is, Number, OneOf, Tuple, either, takes

_LONGEST = 60 * 24


@takes(
    plan=PATH,
    shard=either(Tuple(Number(0, whole=True), 2), None),
    claim=FLAG,
    executor=either(Is((Executor,), "a concurrent.futures.Executor"), None),
    lease=Number(0, above=True, unit="seconds"),
    patience=Number(0, unit="seconds"),
    progress=FLAG,
)
def work(
    plan: str | Path,
    *,
    shard: tuple[int, int] | None = None,
    claim: bool = False,
    executor: Executor | None = None,
    lease: float = LEASE,
    patience: float = PATIENCE,
    progress: bool = True,
) -> Worked:
    """Make tiles of a plan, in this process or on an executor.

    Any number of processes may do so at once or after each other, in any order, with other numbers
    of shards each time: what is finished stays, and is the same whoever made it.

    Args:
        plan: Its folder.
        shard: Part i of n, counted from 0; the whole if None.
        claim: Take, of all tiles, those that nobody finished and nobody is at, the part's own
            first; without it, those of the part alone.
        executor: Any `concurrent.futures.Executor`, each task of which is a missing tile: process
            pools of the standard library, of MPI, Dask, Parsl. Its processes open the inputs once.
            Not with a part or `claim`.
        lease: Seconds without a sign of life after which a worker on another host counts as gone.
        patience: Seconds to wait at most for a tile that a living worker makes.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        MissingFileError, FormatError: there is no plan, or a damaged one, or one of another version
            of this package.
        InvalidInputError: i is not below n, an executor beside a part, or the runs or activations
            are not those of the plan.
        OutputError: a tile cannot be written, or another worker held one for too long.
    """
    if executor is not None:
        if shard is not None or claim:
            raise InvalidInputError("work: an executor gets all tiles; leave out shard and claim")
        return _work_in_executor(Path(plan), executor, progress=progress)
    worker = Worker(Path(plan), lease=lease, patience=patience)
    part = Shard(*shard) if shard is not None else Shard()
    return worker.work(part, claim=claim, progress=progress)


def _work_in_executor(plan: Path, executor: Executor, *, progress: bool) -> Worked:
    folder = plan.absolute()
    missing = _missing(folder)
    tasks = [executor.submit(make_named_tile, str(folder), name) for name in missing]
    try:
        done = (task.result() for task in as_completed(tasks))
        named = counted(done, "tiles", total=len(tasks), progress=progress)
        return _worked(folder, [name for name in named if name])
    finally:
        for task in tasks:
            task.cancel()


@takes(
    plan=PATH,
    n_workers=either(Number(1, whole=True), None),
    n_gpus=Number(0),
    progress=FLAG,
)
def work_in_ray(
    plan: str | Path,
    *,
    n_workers: int | None = None,
    n_gpus: float = 0,
    progress: bool = True,
) -> Worked:
    """Make the missing tiles of a plan on Ray: an actor per core or GPU, tasks are tiles.

    Uses the Ray that is running or connected to, or starts one on this machine. Actors keep their
    inputs; what they make goes to the plan's folder, not to the object store. What a dead actor was
    at is made by the others.

    Args:
        plan: Its folder, by a path that every node reaches.
        n_workers: Actors; as many as Ray has cores for the threads of a tile, or GPUs, if None.
        n_gpus: GPUs of each actor.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        MissingDependencyError: Ray is not installed.
        MissingFileError, FormatError, InvalidInputError, OutputError: as `work`.
    """
    ray = _extra("ray", "ray")
    folder = Path(plan).absolute()
    missing, threads = _missing(folder), read_plan(folder).threads
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    held = ray.cluster_resources()
    room = int(held.get("GPU", 0) // n_gpus if n_gpus else held.get("CPU", 1) // threads)
    actor = ray.remote(num_cpus=threads, num_gpus=n_gpus, max_restarts=-1, max_task_retries=2)
    workers = [
        actor(_RayWorker).remote(str(folder))
        for _ in range(min(max(1, n_workers or room), max(1, len(missing))))
    ]
    done = ray.util.ActorPool(workers).map_unordered(
        lambda worker, name: worker.make.remote(name), missing
    )
    try:
        named = counted(done, "tiles", total=len(missing), progress=progress)
        return _worked(folder, [name for name in named if name])
    finally:
        for worker in workers:
            ray.kill(worker)


@takes(
    plan=PATH,
    n_jobs=Number(1, whole=True),
    logs=PATH,
    cluster=either(OneOf(("slurm", "local", "debug")), None),
    minutes=Number(1, _LONGEST * 30, whole=True),
    wait=FLAG,
)
def work_in_slurm(
    plan: str | Path,
    *,
    n_jobs: int,
    logs: str | Path,
    cluster: str | None = None,
    minutes: int = 240,
    wait: bool = True,
) -> Worked:
    """Submit an array of jobs to SLURM by submitit, each of which claims tiles until none is left.

    Args:
        plan: Its folder, by a path that every node reaches.
        n_jobs: Jobs of the array.
        logs: Folder for submitit's files.
        cluster: `slurm`, or `local` for processes of this machine; what submitit finds if None.
        minutes: Longest time of a job; what a job leaves undone is done by the next call.
        wait: Wait for all jobs.

    Raises:
        MissingDependencyError: submitit is not installed.
        MissingFileError, FormatError, InvalidInputError, OutputError: as `work`.
    """
    submitit = _extra("submitit", "slurm")
    folder = Path(plan).absolute()
    threads = read_plan(folder).threads
    executor = submitit.AutoExecutor(folder=str(logs), cluster=cluster)
    executor.update_parameters(cpus_per_task=threads, timeout_min=minutes, name="universality")
    parts = [(number, n_jobs) for number in range(n_jobs)]
    jobs = executor.map_array(work_claiming, [str(folder)] * n_jobs, parts)
    made = [name for job in jobs for name in job.result()] if wait else []
    return _worked(folder, made)


def make_named_tile(folder: str, name: str) -> str:
    """Make one tile in this process, whose inputs stay open; its name, empty if it was finished."""
    worker = _worker(folder)
    tile = next(tile for tile in worker.plan.tiles if tile.name == name)
    with threads_set(worker.plan.threads):
        return name if worker.make(tile, Shard()) else ""


def work_claiming(folder: str, part: tuple[int, int]) -> list[str]:
    """Names of the tiles that this process makes, claiming one after the other."""
    return list(Worker(Path(folder)).work(Shard(*part), claim=True, progress=False).made)


class _RayWorker:
    """An actor of Ray."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def make(self, name: str) -> str:
        return make_named_tile(self._folder, name)


@lru_cache(maxsize=1)
def _worker(folder: str) -> Worker:
    return Worker(Path(folder))


def _missing(folder: Path) -> list[str]:
    return [tile.name for tile in plan_status(folder).missing]


def _worked(folder: Path, made: Sequence[str]) -> Worked:
    found = plan_status(folder)
    return Worked(tuple(made), len(found.plan.tiles), len(found.missing))


def _extra(module: str, extra: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{module} is not installed: pip install 'universality[{extra}]'"
        ) from error
