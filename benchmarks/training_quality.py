"""Is what our trainer makes as good as what other libraries' trainers make of the same tokens?

    PEERS/bin/python -m benchmarks.training_quality --activations CACHE --held-out HELD-OUT \
        --out benchmarks/results/training_quality.json

in the environment that `benchmarks.training_peers` describes. Every trainer is shown the same
presentations of the first tokens of the cache, in the same order, at two or three sparsities; the
fraction of variance unexplained and L0 are measured on documents that none of them saw, by each
library's own inference, and the FVU is interpolated, linear in log L0, at the L0 that the mean of
ours has in the middle. `ratio` is our FVU over the best peer's there, means over the seeds. A peer
whose L0 does not reach there has no FVU there; `beaten` names the peers each of whose points has a
point of ours with no more latents active and no more error.

Ours at its defaults but for `--lr`; peers at theirs (`training_peers` says which).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from benchmarks.training_peers import PEERS, VERSIONS, Job
from universality.activations.cache import open_cache, read_activations
from universality.training.architectures import make_architecture
from universality.training.data import TrainingData, training_data
from universality.training.evaluation import evaluate
from universality.training.finish import named
from universality.training.inputs import Presentations
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer

OURS = {
    "topk": [32], "batchtopk": [20, 32, 48], "matryoshka": [20, 32, 48],
    "relu": [1.0, 2.0, 4.0], "gated": [0.75, 1.5, 3.0], "jumprelu": [24, 32, 48],
}  # fmt: skip
THEIRS: dict[tuple[str, str], list[float]] = {
    ("sae-lens", "relu"): [3.0, 6.0, 12.0],
    ("sae-lens", "gated"): [3.0, 6.0, 12.0],
    ("sae-lens", "jumprelu"): [1.0, 3.0, 10.0],
    ("dictionary-learning", "relu"): [0.03, 0.06, 0.12],
    ("dictionary-learning", "gated"): [0.03, 0.06, 0.12],
}
"""Values of the sparsity, in each library's own unit; where nothing is said, as ours."""
LISTS = {"relu": "l1", "gated": "l1", "jumprelu": "target_l0"}


def ours(job: Job, data: TrainingData, held_out: torch.Tensor, lr: float) -> tuple[float, float]:
    """FVU and L0 of our trainer."""
    option = LISTS.get(job.architecture, "k")
    settings = TrainingSettings(
        job.d_sae,
        make_architecture(job.architecture, {option: job.sparsity}),
        init_seed=job.seed,
        order_seed=job.seed,
        n_tokens=job.n_steps * job.batch_size,
        batch_size=job.batch_size,
        learning_rate=lr,
        dtype="float32",
        held_out=0.0,
    )
    trainer = Trainer(settings, data)
    while not trainer.finished:
        trainer.advance()
    found = evaluate(named(trainer, torch.float32), held_out.split(2048))
    return found.fvu, found.l0


def theirs(
    name: str, job: Job, data: TrainingData, held_out: torch.Tensor
) -> tuple[float, float] | None:
    """FVU and L0 of another library's trainer; None where it has no such architecture."""
    x = data.source.kept
    assert x is not None
    peer = PEERS[name](job, x[:8192].float())
    if peer is None:
        return None
    order = Presentations(len(x), batch_size=job.batch_size, order_seed=job.seed)
    for step in range(job.n_steps):
        peer.step(x[order.rows(step)].float())
    error, active = 0.0, 0.0
    with torch.no_grad():
        for part in held_out.split(2048):
            rebuilt, codes = peer.reconstruct(part)
            error += float((rebuilt - part).double().square().sum())
            active += float((codes != 0).sum())
    variance = float((held_out - held_out.mean(dim=0)).double().square().sum())
    return error / variance, active / len(held_out)


def at_l0(points: list[tuple[float, float]], l0: float) -> float | None:
    """FVU at that L0, linear between the points in log L0; None outside them."""
    if len(points) == 1:
        return points[0][0] if abs(points[0][1] / l0 - 1) < 0.02 else None
    ordered = sorted(points, key=lambda point: point[1])
    if not ordered[0][1] <= l0 <= ordered[-1][1]:
        return None
    sizes = [np.log(point[1]) for point in ordered]
    return float(np.interp(np.log(l0), sizes, [point[0] for point in ordered]))


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each architecture our FVU and every peer's at one L0, and the ratio to the best."""
    found = []
    for architecture in dict.fromkeys(row["architecture"] for row in rows):
        own = [row for row in rows if row["architecture"] == architecture]
        values = sorted({row["sparsity"] for row in own if row["by"] == "ours"})
        middle = values[len(values) // 2]
        l0 = fmean(r["l0"] for r in own if r["by"] == "ours" and r["sparsity"] == middle)
        means, every = {}, {}
        for by in dict.fromkeys(row["by"] for row in own):
            points = [
                (fmean(r["fvu"] for r in same), fmean(r["l0"] for r in same))
                for value in {r["sparsity"] for r in own if r["by"] == by}
                if (same := [r for r in own if r["by"] == by and r["sparsity"] == value])
            ]
            means[by], every[by] = at_l0(points, l0), points
        peers = [v for by, v in means.items() if by != "ours" and v is not None]
        ratio = round(means["ours"] / min(peers), 4) if peers and means["ours"] else None
        beaten = [by for by in every if by != "ours" and outdone(every[by], every["ours"])]
        found.append({
            "architecture": architecture, "l0": round(l0, 2), "fvu": means, "ratio": ratio,
            "beaten": beaten,
        })  # fmt: skip
    return found


def outdone(points: list[tuple[float, float]], by: list[tuple[float, float]]) -> bool:
    """Whether each of the points (FVU, L0) has one in `by` that is no higher in either."""
    return all(any(fvu <= p[0] and l0 <= p[1] for fvu, l0 in by) for p in points)


def main() -> None:
    """Train everything, print a line per run, and write the result where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--unique", type=int, default=300_000)
    parser.add_argument("--tokens", type=int, default=600_000)
    parser.add_argument("--width", type=int, default=1152)
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--architectures", nargs="+", default=list(OURS))
    given = parser.parse_args()
    cache = open_cache(given.activations)
    x = read_activations(cache, torch.arange(min(given.unique, len(cache))))
    unseen = open_cache(given.held_out)
    held_out = read_activations(unseen, torch.arange(min(32_768, len(unseen)))).float()
    data = _first_rows(given.activations, x)
    rows: list[dict[str, Any]] = []
    for architecture in given.architectures:
        for seed in given.seeds:
            for by in ("ours", *PEERS):
                for sparsity in THEIRS.get((by, architecture), OURS[architecture]):
                    job = Job(
                        architecture, x.shape[1], given.width, given.batch_size,
                        -(-given.tokens // given.batch_size), seed, sparsity,
                    )  # fmt: skip
                    start = time.process_time()
                    if by == "ours":
                        found = ours(job, data, held_out, given.lr)
                    else:
                        found = theirs(by, job, data, held_out)
                    if found is None:
                        break
                    row = {
                        "architecture": architecture, "by": by, "seed": seed, "sparsity": sparsity,
                        "fvu": round(found[0], 5), "l0": round(found[1], 2),
                        "cpu_seconds": round(time.process_time() - start, 1),
                    }  # fmt: skip
                    rows.append(row)
                    print(json.dumps(row), flush=True)
            result = {
                "peers": VERSIONS,
                "cache": f"{cache.meta.hook_name} of {cache.meta.model_name}",
                "unique_tokens": len(x),
                "presentations": given.tokens,
                "held_out_tokens": len(held_out),
                "d_sae": given.width,
                "batch_size": given.batch_size,
                "learning_rate_of_ours": given.lr,
                "summary": summary(rows),
                "runs": rows,
            }
            if given.out:
                given.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["summary"], indent=1))


def _first_rows(folder: Path, x: torch.Tensor) -> TrainingData:
    from dataclasses import replace

    whole = open_cache(folder)
    data = training_data(whole)
    kept = replace(data.source, kept=x)
    split = replace(data.split, training=torch.arange(len(x)))
    return replace(data, source=kept, target=kept, split=split)


if __name__ == "__main__":
    main()
