"""Time and memory of the assignment against SciPy, lapx and one plain product.

    python -m benchmarks.matching --sizes 2048,16384,32768 --solvers ours,product,scipy,lapx
    python -m benchmarks.matching --data unrelated --sizes 16384 --solvers ours,product
    python -m benchmarks.matching --pair RUN_A RUN_B --solvers ours,verify,product,scipy

Planted data: rows of two runs drawn from one anisotropic distribution with a shared mean, half of
them the same directions with noise between none and 1.5 times their own spread, in shuffled
order. `--data unrelated`: two independent isotropic sets; `tiled`: the decoders of two shipped
runs, repeated with noise of .3 of each row's length; `centres`: rows around 64 shared directions,
so that nearly all are nearly tied. With `--pair`, the decoders of two checkpoints. The time of
`verify` leaves out that of the matching it checks.
Every solver runs in its own process on the same rows; the time is that of the solver alone, the
memory the largest of the process, data included. With one thread, CPU seconds are what an idle
core would take, whatever else the machine does; the figure shows them. Runs already in the results
file are kept.
lapx is not a dependency: `--lapx-python` names an interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PLANTED = "planted"
COLORS = {"ours": "C3", "verify": "C1", "product": "0.4", "scipy": "C0", "lapx": "C2"}
LABELS = {
    "ours": "universality.match (certified)",
    "verify": "universality.verify (float64)",
    "product": "one float32 product, nothing kept",
    "scipy": "SciPy linear_sum_assignment",
    "lapx": "lapx lapjv",
}


def planted(n_a: int, n_b: int, d: int, *, seed: int = 0) -> tuple[Any, Any]:
    """Two anisotropic sets of rows, half of the smaller one shared at mixed noise."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    spread = torch.arange(1, d + 1).float().pow(-0.5)
    spread *= d**0.5 / spread.norm()
    mean = 0.3 * torch.randn(d, generator=generator)
    a = torch.randn(n_a, d, generator=generator).mul_(spread).add_(mean)
    b = torch.randn(n_b, d, generator=generator).mul_(spread).add_(mean)
    shared = min(n_a, n_b) // 2
    noise = 1.5 * torch.rand(shared, 1, generator=generator)
    b[:shared] = a[:shared] + noise * torch.randn(shared, d, generator=generator) * spread
    return a, b[torch.randperm(n_b, generator=generator)]


def unrelated(n_a: int, n_b: int, d: int) -> tuple[Any, Any]:
    """Two independent isotropic sets of rows."""
    import torch

    generator = torch.Generator().manual_seed(1)
    return torch.randn(n_a, d, generator=generator), torch.randn(n_b, d, generator=generator)


def tiled(n_a: int, n_b: int, d: int) -> tuple[Any, Any]:
    """The decoders of two shipped seeds, repeated with noise; their own width, whatever d is."""
    import torch

    from universality.shipped import two_seeds

    generator = torch.Generator().manual_seed(1)
    runs = of_checkpoints([str(run) for run in two_seeds()])
    sides = []
    for rows, n in zip(runs, (n_a, n_b), strict=True):
        many = rows.repeat(-(-n // len(rows)), 1)[:n]
        length = many.norm(dim=1, keepdim=True) / many.shape[1] ** 0.5
        sides.append(many + 0.3 * length * torch.randn(many.shape, generator=generator))
    return sides[0], sides[1]


def centres(n_a: int, n_b: int, d: int) -> tuple[Any, Any]:
    """Rows around 64 shared directions, equally many around each, at a spread of .3."""
    import torch

    generator = torch.Generator().manual_seed(1)
    shared = torch.randn(64, d, generator=generator)
    shared /= shared.norm(dim=1, keepdim=True)
    a, b = (
        shared[torch.arange(n) % 64] + 0.3 * torch.randn(n, d, generator=generator) / d**0.5
        for n in (n_a, n_b)
    )
    return a, b


def of_checkpoints(sources: Sequence[str]) -> tuple[Any, Any]:
    """The decoder rows of two checkpoints."""
    import universality as un

    a, b = (un.load(source).directions("decoder").float() for source in sources)
    return a, b


def ours(a: Any, b: Any, device: str | None) -> dict[str, Any]:
    """The certified matching of this package."""
    import universality as un

    m = un.match(a, b, device=device)
    return {"total": m.total, "gap": m.gap, "certified": m.certified, "rounds": m.rounds}


def verify(a: Any, b: Any, device: str | None) -> dict[str, Any]:
    """The independent re-check of such a matching; its own time, without the matching."""
    import universality as un

    matching = un.match(a, b, device=device)
    wall, cpu = time.perf_counter(), time.process_time()
    checked = un.verify(matching, a, b, device=device)
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "total": checked.total,
        "gap": checked.gap,
        "accepted": bool(checked),
    }


def product(a: Any, b: Any, device: str | None) -> dict[str, Any]:
    """Every similarity once, in float32, block by block."""
    import torch

    a, b = (torch.nn.functional.normalize(rows.to(device), dim=1) for rows in (a, b))
    largest = max(float((part @ b.T).amax()) for part in a.split(1_024))
    return {"largest": largest}


def scipy(a: Any, b: Any, device: str | None) -> dict[str, Any]:
    """SciPy's dense solver on the whole matrix."""
    import torch
    from scipy.optimize import linear_sum_assignment

    a, b = (torch.nn.functional.normalize(rows.double(), dim=1) for rows in (a, b))
    cost = (-a @ b.T).numpy()
    rows, columns = linear_sum_assignment(cost)
    return {"total": -float(cost[rows, columns].sum())}


def lapx(a: Any, b: Any, device: str | None) -> dict[str, Any]:
    """The Jonker-Volgenant solver of lapx on the whole matrix."""
    import lap
    import torch

    a, b = (torch.nn.functional.normalize(rows.double(), dim=1) for rows in (a, b))
    cost, _, _ = lap.lapjv((1 - a @ b.T).numpy(), extend_cost=a.shape != b.shape)
    return {"total": min(len(a), len(b)) - float(cost)}


DATA: dict[str, Callable[[int, int, int], tuple[Any, Any]]] = {
    PLANTED: planted,
    "unrelated": unrelated,
    "tiled": tiled,
    "centres": centres,
}


SOLVERS: dict[str, Callable[..., dict[str, Any]]] = {
    "ours": ours,
    "verify": verify,
    "product": product,
    "scipy": scipy,
    "lapx": lapx,
}


def measure(solver: str, a: Any, b: Any, device: str | None) -> dict[str, Any]:
    """One solver on one problem, in this process."""
    import torch

    SOLVERS[solver](a[:256], b[:256], device)
    wall, cpu = time.perf_counter(), time.process_time()
    found = SOLVERS[solver](a, b, device)
    return {
        "solver": solver,
        "n_a": len(a),
        "n_b": len(b),
        "d": a.shape[1],
        "device": device or "cpu",
        "threads": torch.get_num_threads(),
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        **found,
    }


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Time and memory against the number of latents: square planted problems, fewest threads."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for solver, label in LABELS.items():
        mine: dict[int, dict[str, Any]] = {}
        for row in sorted(rows, key=lambda row: (row["n_a"], -row["threads"])):
            if (row["solver"], row["data"], row["n_b"]) == (solver, PLANTED, row["n_a"]):
                mine[row["n_a"]] = row
        for ax, key in zip(axes, ("cpu_seconds", "peak_gb"), strict=True):
            values = [row[key] for row in mine.values()]
            ax.loglog(list(mine), values, "o-", color=COLORS[solver], label=label)
    for ax, name in zip(axes, ("CPU seconds", "largest resident memory, GB"), strict=True):
        ax.set(xlabel="latents per run", ylabel=name)
        ax.grid(alpha=0.3, which="both")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Run what is missing, each in a process of its own, and redraw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="2048,16384", help="n, or n_a x n_b as 8192x16384")
    parser.add_argument("--data", choices=list(DATA), default=PLANTED, help="what is matched")
    parser.add_argument("--pair", nargs=2, metavar=("A", "B"), help="checkpoints, not planted data")
    parser.add_argument("--solvers", default="ours,product,scipy")
    parser.add_argument("--width", type=int, default=768, help="length of the rows")
    parser.add_argument("--device", default=None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lapx-python", default=sys.executable)
    parser.add_argument("--again", action="store_true", help="repeat runs already in the results")
    parser.add_argument("--out", type=Path, default=RESULTS / "matching.json")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(options)))
        return
    rows = json.loads(options.out.read_text()) if options.out.exists() else []
    for size in [None] if options.pair else options.sizes.split(","):
        for solver in options.solvers.split(","):
            rows = _updated(rows, solver, size, options)
            options.out.parent.mkdir(exist_ok=True)
            options.out.write_text(json.dumps(rows, indent=1) + "\n")
    draw(rows, options.out.with_suffix(".png"))


def _one(options: argparse.Namespace) -> dict[str, Any]:
    if options.pair:
        a, b = of_checkpoints(options.pair)
    else:
        a, b = DATA[options.data](*_sides(options.sizes), options.width)
    return measure(options.solvers, a, b, options.device)


def _updated(
    rows: list[dict[str, Any]], solver: str, size: str | None, options: argparse.Namespace
) -> list[dict[str, Any]]:
    problem: dict[str, Any] = {
        "solver": solver,
        "device": options.device or "cpu",
        "threads": options.threads,
    }
    if size is None:
        problem["data"] = " ".join(Path(run).name for run in options.pair)
        given = ["--pair", *options.pair]
    else:
        n_a, n_b = _sides(size)
        problem |= {"data": options.data, "n_a": n_a, "n_b": n_b, "d": options.width}
        if options.data == "tiled":
            del problem["d"]
        given = ["--data", options.data, "--sizes", size, "--width", str(options.width)]
    others = [r for r in rows if any(r[key] != value for key, value in problem.items())]
    if len(others) < len(rows) and not options.again:
        return rows
    python = options.lapx_python if solver == "lapx" else sys.executable
    command = [python, __file__, "--one", "--solvers", solver, *given]
    command += ["--device", options.device] if options.device else []
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | threads)
    if done.returncode:
        print(f"{solver} {given}: failed\n{done.stderr[-500:]}")
        return rows
    row = problem | json.loads(done.stdout.splitlines()[-1])
    print(
        f"{solver:8} {row['n_a']:>6} x {row['n_b']:<6} {row['cpu_seconds']:8.2f} CPU s",
        f"{row['seconds']:8.2f} s {row['peak_gb']:6.2f} GB",
        flush=True,
    )
    return [*others, row]


def _sides(size: str) -> tuple[int, int]:
    n_a, _, n_b = size.partition("x")
    return int(n_a), int(n_b or n_a)


if __name__ == "__main__":
    main()
