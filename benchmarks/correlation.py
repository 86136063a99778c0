"""Correlation of two runs' codes: time, memory and error against dense products and peers.

    python -m benchmarks.correlation --sizes 4096,16384,32768 --l0 32,128 --methods ours,dense
    python -m benchmarks.correlation --sizes 4096 --l0 32 --methods universal_neurons,featurematch \
        --universal-neurons FOLDER --featurematch FOLDER --peers-python PYTHON
    python -m benchmarks.correlation --sizes 32768 --l0 32 --methods matched --tokens 1000000

Planted codes: frequencies fall as a power of the rank, half of each token's firings are common to
both runs with noise on their values. Methods: `ours`, all correlations, rounded to 2 or 4 bytes
where they would take more than 1 GB; `matched`, then also candidates and the certified assignment;
`dense`, the streamed float32 product of the codes of 2,048 tokens at a time, summed; `dense64`, the
same in float64, which is what `ours` is right to and goes over to where codes are crowded (`--sizes
4096 --l0 512,1024 --methods ours,dense,dense64 --tokens 16384`); `universal_neurons`, the
`StreamingPearsonComputer` of wesg52/universal-neurons, and `featurematch`, `align_features` of
Course-Correct-Labs, both unchanged, from checkouts at the given folders.

Every method runs in a process of its own. The time is that of the method alone, with codes given
as it takes them; the memory is the largest of the process, codes included. With one thread, CPU
seconds are what an idle core would take, whatever else the machine does. The error is the largest
difference from float64 on the pairs of 32 latents of each run. Dense methods take time in
proportion to the tokens, so they are run on fewer: compare `cpu_seconds_per_million_tokens`. That
scales up what does not grow with the tokens as well (for `dense` at 32,768 latents a sixth of the
time of 4,096 tokens; run on another number of tokens to tell the two apart).
Runs already in the results file are kept.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RESULTS = Path(__file__).parent / "results"
TOKENS = {"ours": 1 << 18, "matched": 1 << 18, "dense": 4_096, "dense64": 4_096}
PEER_TOKENS = 8_192
CHECKED = 32
BATCH = 2_048


def planted(n_tokens: int, d_sae: int, l0: int) -> tuple[Any, Any]:
    """Codes of two runs, (tokens, latents), as SciPy matrices."""
    import numpy as np
    from scipy import sparse

    rng = np.random.default_rng(0)
    cumulative = np.cumsum(1 / np.arange(1, d_sae + 1) ** 0.6)
    cumulative /= cumulative[-1]

    def draw(n: int) -> Any:
        ranks = np.searchsorted(cumulative, rng.random((n_tokens, n)))
        return np.minimum(ranks, d_sae - 1).astype(np.int32)

    common, runs = draw(l0 // 2), []
    values = rng.lognormal(size=common.shape).astype(np.float32)
    for _ in range(2):
        names = rng.permutation(d_sae).astype(np.int32)
        latents = names[np.concatenate([common, draw(l0 - l0 // 2)], axis=1)]
        noise = rng.lognormal(sigma=0.3, size=common.shape).astype(np.float32)
        own = rng.lognormal(size=(n_tokens, l0 - l0 // 2)).astype(np.float32)
        data = np.concatenate([values * noise, own], axis=1).ravel()
        starts = np.arange(0, n_tokens * l0 + 1, l0)
        codes = sparse.csr_array((data, latents.ravel(), starts), shape=(n_tokens, d_sae))
        codes.sum_duplicates()
        runs.append(codes)
    return runs[0], runs[1]


def ours(a: Any, b: Any, options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """All correlations of this package, kept rounded."""
    from universality.codes import from_batches
    from universality.similarity.code_similarity import CodeSimilarity

    codes = [from_batches([side], side.shape[1]) for side in (a, b)]
    return lambda: CodeSimilarity.between(codes[0], codes[1], progress=False), {}


def matched(a: Any, b: Any, options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """Correlations, the nearest of every latent, and the certified assignment."""
    from universality.matching import assign, find_candidates

    found: dict[str, Any] = {}
    correlate, _ = ours(a, b, options)

    def work() -> Any:
        similarity = correlate()
        matching = assign(
            similarity, candidates=find_candidates(similarity, progress=False), progress=False
        )
        found.update(mean=matching.mean, gap=matching.gap, certified=matching.certified)
        return similarity

    return work, found


def dense(
    a: Any, b: Any, options: argparse.Namespace, *, double: bool = False
) -> tuple[Any, dict[str, Any]]:
    """The plain product of dense codes, summed over batches, then normalised."""
    import torch

    dtype = torch.float64 if double else torch.float32
    batches = [[part.to(dtype) for part in _dense_batches(side)] for side in (a, b)]

    def work() -> Any:
        n_a, n_b, n = a.shape[1], b.shape[1], a.shape[0]
        products = torch.zeros(n_a, n_b, dtype=dtype)
        sums, squares = ([torch.zeros(size, dtype=dtype) for size in (n_a, n_b)] for _ in range(2))
        for parts in zip(*batches, strict=True):
            products.addmm_(parts[0].T, parts[1])
            for side, part in enumerate(parts):
                sums[side] += part.sum(dim=0)
                squares[side] += part.square().sum(dim=0)
        products.addr_(sums[0], sums[1], alpha=-1 / n)
        for side, axis in ((0, 1), (1, 0)):
            deviation = (squares[side] - sums[side].square() / n).sqrt()
            products /= deviation.unsqueeze(axis)
        return products

    return work, {}


def dense64(a: Any, b: Any, options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The same in float64."""
    return dense(a, b, options, double=True)


def universal_neurons(a: Any, b: Any, options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The streaming class of wesg52/universal-neurons, on CPU."""
    import einops
    import torch

    source = (options.universal_neurons / "correlations_fast.py").read_text()
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "StreamingPearsonComputer"
    ]
    names: dict[str, Any] = {"t": torch, "torch": torch, "einops": einops}
    exec(compile(tree, "correlations_fast.py", "exec"), names)
    models = [SimpleNamespace(cfg=SimpleNamespace(n_layers=1, d_mlp=s.shape[1])) for s in (a, b)]
    batches = [[part.T[None].half() for part in _dense_batches(side)] for side in (a, b)]

    def work() -> Any:
        computer = names["StreamingPearsonComputer"](*models)
        for left, right in zip(*batches, strict=True):
            computer.update_correlation_data(left, right)
        return computer.compute_correlation()[0, :, 0]

    return work, {}


def featurematch(a: Any, b: Any, options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """`align_features` of featurematch, on dense codes of all tokens."""
    import torch

    sys.path.insert(0, str(options.featurematch))
    from featurematch.featurematch import align_features

    codes = [torch.from_numpy(side.toarray()) for side in (a, b)]
    return lambda: align_features(codes[0], codes[1], device="cpu").cosine, {}


METHODS: dict[str, Callable[..., tuple[Any, dict[str, Any]]]] = {
    "ours": ours,
    "matched": matched,
    "dense": dense,
    "dense64": dense64,
    "universal_neurons": universal_neurons,
    "featurematch": featurematch,
}


def measure(method: str, d_sae: int, l0: int, options: argparse.Namespace) -> dict[str, Any]:
    """One method on one problem, in this process."""
    import torch

    n_tokens = options.tokens or TOKENS.get(method, PEER_TOKENS)
    a, b = planted(n_tokens, d_sae, l0)
    work, found = METHODS[method](a, b, options)
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    cpu = time.process_time() - cpu
    return {
        "method": method,
        "d_sae": d_sae,
        "l0": l0,
        "n_tokens": n_tokens,
        "threads": torch.get_num_threads(),
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": cpu,
        "cpu_seconds_per_million_tokens": cpu * 1e6 / n_tokens,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "error": _error(result, a, b),
        **found,
    }


def _dense_batches(codes: Any) -> list[Any]:
    import torch

    starts = range(0, codes.shape[0], BATCH)
    return [torch.from_numpy(codes[start : start + BATCH].toarray()) for start in starts]


def _error(result: Any, a: Any, b: Any) -> float:
    import numpy as np
    import torch

    left, right = (side[:, :CHECKED].toarray().astype(np.float64) for side in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = np.corrcoef(left, right, rowvar=False)[:CHECKED, CHECKED:]
    if hasattr(result, "at"):
        i, j = np.divmod(np.arange(CHECKED**2), CHECKED)
        found = result.at(torch.from_numpy(i), torch.from_numpy(j)).numpy()
        found = found.reshape(CHECKED, CHECKED)
    else:
        found = result[:CHECKED, :CHECKED].double().numpy()
    return float(np.abs(found - exact)[np.isfinite(exact)].max())


def main() -> None:
    """Run what is missing, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="4096")
    parser.add_argument("--l0", default="32")
    parser.add_argument("--methods", default="ours,dense")
    parser.add_argument("--tokens", type=int, default=0, help="0: as many as suit the method")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--universal-neurons", type=Path)
    parser.add_argument("--featurematch", type=Path)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--again", action="store_true", help="repeat runs already in the results")
    parser.add_argument("--out", type=Path, default=RESULTS / "correlation.json")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.methods, int(options.sizes), int(options.l0), options)))
        return
    for size in options.sizes.split(","):
        for l0 in options.l0.split(","):
            for method in options.methods.split(","):
                _run(method, size, l0, options)


def _run(method: str, size: str, l0: str, options: argparse.Namespace) -> None:
    rows = json.loads(options.out.read_text()) if options.out.exists() else []
    n_tokens = options.tokens or TOKENS.get(method, PEER_TOKENS)
    problem = (method, int(size), int(l0), n_tokens, options.threads)
    keys = ("method", "d_sae", "l0", "n_tokens", "threads")
    others = [row for row in rows if tuple(row[key] for key in keys) != problem]
    if len(others) < len(rows) and not options.again:
        return
    python = sys.executable if method in TOKENS else options.peers_python
    command = [python, __file__, "--one", "--methods", method, "--sizes", size, "--l0", l0]
    command += ["--tokens", str(n_tokens)]
    for name in ("universal_neurons", "featurematch"):
        if getattr(options, name):
            command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | threads)
    if done.returncode:
        print(f"{method} {size} {l0}: failed\n{done.stderr[-500:]}")
        return
    row = json.loads(done.stdout.splitlines()[-1])
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(json.dumps([*others, row], indent=1) + "\n")
    print(
        f"{method:18} {size:>6} L0 {l0:>4} {row['n_tokens']:>8} tokens",
        f"{row['cpu_seconds']:8.2f} CPU s {row['seconds']:8.2f} s",
        f"{row['peak_gb']:6.2f} GB  error {row['error']:.1e}",
        flush=True,
    )


if __name__ == "__main__":
    main()
