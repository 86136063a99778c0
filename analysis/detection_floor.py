"""How well one seed's latents are told by another's, on a trained model and on random weights.

    python -m analysis.detection_floor --trained CACHE RUN RUN --random CACHE RUN RUN \
        --out analysis/results/detection_floor

Each CACHE is of the same texts, of SmolLM2 and of the same architecture with random weights; the
two RUNs are seeds of one recipe trained on it, as `analysis.random_model` trains them. A score that
needs no explanation: a partner is chosen by activations on every other document, and its code has
to tell on the rest where the latent fires. Writes `detection.csv`, one row per model and class of
frequency.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from universality.activations.cache import open_cache
from universality.encoding.streaming import encode
from universality.investigation.corpus import corpus_of
from universality.investigation.partner_scores import detections
from universality.investigation.subjects import CodedOver
from universality.loading import load

_LATENTS = 300
_EDGES = (0.0, 0.01, 0.05, 1.0)
_SCORES = ("correlation", "auroc", "average_precision", "base_rate")


def run(given: dict[str, list[Path]], out: Path) -> None:
    """Score, and write the means."""
    tables = [_scored(*paths).assign(model=name) for name, paths in given.items()]
    scores = pd.concat(tables, ignore_index=True)
    classes = pd.cut(scores["frequency"], _EDGES, labels=[f"up to {one}" for one in _EDGES[1:]])
    groups = scores.groupby(["model", classes], observed=True)
    table = groups[list(_SCORES)].mean().assign(n_latents=groups.size()).reset_index()
    whole = scores.groupby("model")[list(_SCORES)].mean()
    whole = whole.assign(n_latents=scores.groupby("model").size(), frequency="all").reset_index()
    out.mkdir(parents=True, exist_ok=True)
    table = pd.concat([whole, table], ignore_index=True)
    table.to_csv(out / "detection.csv", index=False, float_format="%.4f")
    print(table.to_string(index=False, float_format="%.3f"))


def _scored(cache_path: Path, *runs: Path) -> pd.DataFrame:
    cache = open_cache(cache_path)
    a, b = (CodedOver(path.name, run := load(path), encode(run, cache)) for path in runs)
    fires = np.flatnonzero(a.codes.count)
    chosen = fires[np.unique(np.linspace(0, fires.size - 1, _LATENTS).astype(int))]
    return detections(a, b, corpus_of(cache), chosen.tolist(), progress=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("trained", "random"):
        parser.add_argument(f"--{name}", type=Path, nargs=3, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = vars(parser.parse_args())
    run({name: arguments[name] for name in ("trained", "random")}, arguments["out"])
