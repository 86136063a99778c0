"""Saved results whose numbers are known, made without comparing anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from universality.results import COMPARISON_SCHEMA, STABILITY_SCHEMA, Comparison, Stability

VIEWS = ("decoder", "encoder", "activations")
HOSTILE = (
    "<img src=x onerror=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "\U0001f9e0\u200d\u2764",
    "x" * 10_000,
)
"""Strings that a checkpoint or a text may hold, and that must stay text."""


def made_comparison(n: int = 40, *, seed: int = 0) -> Comparison:
    """Latent i of a is latent n-1-i of b; similarities fall from .99 to .01; the last is dead."""
    generator = np.random.default_rng(seed)
    latents, partner = np.arange(n), np.arange(n)[::-1].copy()
    similarity = np.linspace(0.99, 0.01, n)
    alive = latents < n - 1
    sides = []
    for mirrored in (False, True):
        order = slice(None, None, -1) if mirrored else slice(None)
        table = pd.DataFrame({"latent": latents, "alive": alive[order]})
        table["frequency"] = 10 ** generator.uniform(-6, -1, n)
        table["decoder_norm"] = 1.0
        for view in VIEWS:
            values = np.where(alive, similarity, np.nan)[order]
            table = table.join(_view(view, partner, values))
        sides.append(table)
    return Comparison(
        summary=_summary(n, sum(alive)),
        latents_a=sides[0],
        latents_b=sides[1],
        pairs=_pairs(latents[alive], partner[alive], similarity[alive]),
        curves=_curves(similarity[alive]),
        evidence=_evidence(partner),
    )


def _view(view: str, partner: np.ndarray, similarity: np.ndarray) -> pd.DataFrame:
    found = np.where(np.isnan(similarity), -1, partner)
    columns = {
        "nearest": found,
        "nearest_similarity": similarity,
        "margin": similarity / 2,
        "own_nearest_similarity": similarity / 2,
        "partner": found,
        "partner_similarity": similarity,
        "excess": similarity - 0.1,
        "p_value": np.clip(1 - similarity, 0, 1),
        "q_value": np.clip(1 - similarity, 0, 1),
    }
    return pd.DataFrame({f"{name}_{view}": values for name, values in columns.items()})


def _pairs(a: np.ndarray, b: np.ndarray, similarity: np.ndarray) -> pd.DataFrame:
    tables = []
    for view in VIEWS:
        table = pd.DataFrame({"view": view, "a": a, "b": b, "similarity": similarity})
        for other in VIEWS:
            table[f"similarity_{other}"] = similarity
            table[f"same_partner_{other}"] = True
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _curves(similarity: np.ndarray) -> pd.DataFrame:
    threshold = np.round(np.arange(101) / 100, 2)
    count = (similarity[None, :] >= threshold[:, None] - 1e-9).sum(axis=1)
    tables = []
    for view in (*VIEWS, "decoder_and_encoder"):
        for rule in ("greedy_ab", "greedy_ba", "assignment"):
            columns = {"view": view, "rule": rule, "threshold": threshold, "count": count}
            table = pd.DataFrame(columns).assign(denominator=similarity.size)
            table["fraction"] = count / similarity.size
            table["null_fraction"] = np.clip(1 - 4 * threshold, 0, 1)
            table["null_sd"] = 0.02
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _evidence(partner: np.ndarray) -> pd.DataFrame:
    rows = []
    for i, j in enumerate(partner[:2000].tolist()):
        for kind in ("a", "b", "only_a"):
            centre = HOSTILE[i] if i < len(HOSTILE) else f" token{i}"
            rows.append(
                {
                    "a": i,
                    "b": j,
                    "kind": kind,
                    "rank": 0,
                    "row": i,
                    "code_a": 2.0,
                    "code_b": 0.0 if kind == "only_a" else 1.0,
                    "document": 0,
                    "tokens": ["some", " text", centre, " after"],
                    "centre": 2,
                    "overlap": 0.5,
                    "n_only_a": 3,
                    "n_only_b": 0,
                }
            )
    return pd.DataFrame(rows)


def _summary(n: int, n_alive: int) -> dict[str, Any]:
    mean = {"mean": 0.5, "null_mean": 0.1, "null_sd": 0.01, "normalised_excess": 0.44}
    side = {
        "spec": "made",
        "name": HOSTILE[0],
        "format": "made",
        "d_in": 8,
        "d_sae": n,
        "n_alive": int(n_alive),
        "alive_source": "made",
        "activation": "topk(4)",
        "seed": 0,
        "hook_name": "blocks.0.hook_resid_post",
        "model_name": "made",
        "sha256": "0" * 64,
        "neuronpedia_id": "made/0-res",
    }
    return {
        "schema": COMPARISON_SCHEMA,
        "a": side,
        "b": side | {"name": "made b", "seed": None, "neuronpedia_id": None},
        "policy": {
            "signed": True,
            "threshold": 0.7,
            "alive": "auto",
            "null": "made",
            "null_draws": 4,
            "seed": 0,
        },
        "views": {
            view: {
                "greedy": {"a_to_b": mean, "b_to_a": mean},
                "assignment": mean
                | {"n_pairs": int(n_alive), "gap": 0.0, "certified": True, "total": 1.0},
                "mutual": {"fraction_a": 0.9, "fraction_b": 0.9},
            }
            for view in VIEWS
        },
        "agreement": {},
        "shared": [],
        "checks": [
            {"id": "same_weights", "status": "fail", "value": None, "message": HOSTILE[1]},
            {"id": "width", "status": "ok", "value": 1.0, "message": "wide enough"},
        ],
        "answer": ["Most of it is the same.", HOSTILE[0]],
    }


def made_stability() -> Stability:
    """Three runs of three latents: families 0 and 1 live in all, family 2 in the first two."""
    runs = [HOSTILE[0], "r1", "r2"]
    latents = pd.DataFrame(
        [(run, i, i if (run, i) != ("r2", 2) else -1) for run in runs for i in range(3)],
        columns=["run", "latent", "family_decoder"],
    )
    families = pd.DataFrame({"view": "decoder", "family": [0, 1, 2], "kind": "strict"})
    families["n_runs"] = [3, 3, 2]
    families["runs"] = [", ".join(runs), ", ".join(runs), ", ".join(runs[:2])]
    families["mean_similarity"] = [0.9, 0.8, 0.7]
    pairs = pd.DataFrame([(0, 1, 0.5), (0, 2, 0.4), (1, 2, 0.3)], columns=["a", "b", "mean"])
    pairs[["a", "b"]] = pairs[["a", "b"]].map(lambda i: runs[i])
    shares = [
        {"threshold": 0.7, "k": k, "fraction": f} for k, f in ((1, 0), (2, 1 / 3), (3, 2 / 3))
    ]
    found = {"n": 3, "in_all_runs_fraction": 2 / 3}
    summary = {
        "schema": STABILITY_SCHEMA,
        "runs": [{"name": run, "spec": "made", "sha256": "0"} for run in runs],
        "policy": {"threshold": 0.7},
        "checks": [],
        "headline_rule": "decoder",
        "families": {"decoder": found},
        "cycle_consistency": {"decoder": {"mean": 1.0, "n_triples": 1, "coverage": 1.0}},
        "jackknife": {},
        "spectrum": {"decoder": shares},
        "only_in_one_by_view": {
            "decoder": [{"n_runs": 2, "fraction": 0.2}, {"n_runs": 3, "fraction": 0.1}]
        },
    }
    return Stability(
        summary=summary,
        latents=latents,
        families=families,
        pairs=pairs.assign(view="decoder"),
        spectrum=pd.DataFrame(shares),
        triples=pd.DataFrame({"view": ["decoder"], "value": [1.0]}),
    )
