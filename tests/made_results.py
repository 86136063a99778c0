"""Saved results whose numbers are known, made without comparing anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from universality.comparison.grading import with_grades
from universality.results import COMPARISON_SCHEMA, STABILITY_SCHEMA, Comparison, Stability, Widths
from universality.results.grades import grade_counts
from universality.runs.alive import Alive

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
        lives = torch.from_numpy(table["alive"].to_numpy().copy())
        took_part = Alive(lives, "made", n_zero_rows=0, rare=torch.zeros_like(lives))
        sides.append(with_grades(table, VIEWS, took_part, threshold=0.7))
    return Comparison(
        summary=_summary(n, sum(alive))
        | {"grades": {side: grade_counts(table) for side, table in zip("ab", sides, strict=True)}},
        latents_a=sides[0],
        latents_b=sides[1],
        pairs=_pairs(latents[alive], partner[alive], similarity[alive]),
        curves=_curves(similarity[alive]),
        evidence=_evidence(partner),
        partial=_partial(similarity[alive]),
        **_behind(partner, generator),
    )


def made_comparison_with_effects() -> Comparison:
    """The same with what four pairs do to a model: one of each two does the same, one nothing."""
    made = made_comparison()
    effects = pd.DataFrame(
        {
            "kind": ["matched", "random"] * 4,
            "similarity": np.repeat([0.2, 0.6, 0.8, 0.95], 2),
            "similarity_class": np.repeat([0, 2, 3, 4], 2),
            "ablation": [0.1, 0.0, 0.5, 0.1, np.nan, -0.1, 0.9, 0.05],
        }
    )
    return replace(made, effects=effects, summary=made.summary | {"effects": {"view": "decoder"}})


def _view(view: str, partner: np.ndarray, similarity: np.ndarray) -> pd.DataFrame:
    found = np.where(np.isnan(similarity), -1, partner)
    columns = {
        "nearest": found,
        "nearest_similarity": similarity,
        "margin": similarity / 2,
        "runner_up": np.where(found < 0, -1, (found + 1) % found.size),
        "own_nearest": np.where(found < 0, -1, (np.arange(found.size) + 1) % found.size),
        "own_nearest_similarity": similarity / 2,
        "partner": found,
        "partner_similarity": similarity,
        "excess": similarity - 0.1,
        "p_value": np.clip(1 - similarity, 0, 1),
        "q_value": np.clip(1 - similarity, 0, 1),
        "above_chance": similarity > 0.4,
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
            table["own_a_fraction"] = np.clip(1 - 2 * threshold, 0, 1)
            table["own_b_fraction"] = np.clip(1 - 3 * threshold, 0, 1)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _partial(similarity: np.ndarray) -> pd.DataFrame:
    price = np.round(np.arange(2, 20) / 20, 2)
    share = (similarity[None, :] > price[:, None]).mean(axis=1)
    gain = np.clip(similarity[None, :] - price[:, None], 0, None).sum(axis=1)
    columns = {"price": price, "n_pairs": np.rint(share * similarity.size).astype(int)}
    columns |= {"fraction": share, "mean_similarity": (1 + price) / 2, "gain": gain}
    columns |= {"upper_bound": gain, "certified": True, "thresholded_fraction": share}
    columns |= {"thresholded_gain": gain, "other_partner": 0}
    columns |= {"null_fraction": np.clip(1 - 3 * price, 0, 1), "null_sd": 0.02, "null_gain": 0.0}
    return pd.concat([pd.DataFrame({"view": view} | columns) for view in VIEWS], ignore_index=True)


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
                    "codes_a": np.float32([0.0, 0.5, 2.0, np.nan]),
                    "codes_b": np.float32([0.0, 0.0, 1.0, np.nan]),
                    "overlap": 0.5,
                    "n_only_a": 3,
                    "n_only_b": 0,
                }
            )
    return pd.DataFrame(rows)


def _behind(partner: np.ndarray, generator: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Latent i fires on 10 + i tokens; a token of its own is on top of its logits."""
    latents = np.arange(partner.size)[:2000]
    sides = [pd.DataFrame({"side": side, "latent": latents, "low": 0.0}) for side in ("a", "b")]
    both = pd.concat(sides, ignore_index=True)
    counts = [[10 + latent] + [0] * 18 + [1] for latent in both["latent"]]
    weights = np.linspace(1, -1, 20).astype(np.float32)
    tops = [[f"top{i}", HOSTILE[0]] + [f"word{k}" for k in range(18)] for i in both["latent"]]
    pairs = pd.DataFrame({"a": latents, "b": partner[:2000]})
    values = [generator.random(5).astype(np.float32) for _ in range(2 * latents.size)]
    clouds = dict(zip(("a", "b"), (values[::2], values[1::2]), strict=True))
    return {
        "histograms": both.assign(high=2.0, counts=counts),
        "logits": both[["side", "latent"]].assign(tokens=tops, weights=[weights] * len(both)),
        "pair_activations": pairs.assign(
            n_either=12, **{f"codes_{side}": values for side, values in clouds.items()}
        ),
        "pair_logits": pairs.assign(
            correlation=0.25,
            tokens=[[f"word{k}" for k in range(5)]] * len(pairs),
            **{f"weights_{side}": values for side, values in clouds.items()},
        ),
    }


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
                "own_run": {
                    side: {"mean": mean_within, "greedy_mean": 0.3125, "certified": True}
                    for side, mean_within in (("a", 0.1875), ("b", 0.21875))
                },
                "nulls": {"shuffled" if view == "activations" else "made": {"draws": "4 draws"}},
            }
            for view in VIEWS
        },
        "held_out": _held_out_summary(int(n_alive)),
        "cross_view": [
            {"decoder": [0.9, 1.0], "n_pairs": 4, "mean": 0.8, "same_partner": 0.5}
            | {f"q{q}": 0.01 * q for q in (10, 25, 50, 75, 90)}
        ],
        "unmatched_span": {
            "decoder": {"threshold": 0.7, "n_a": 1162, "n_b": 9}
            | {"ranks": [_leading_span(2, at_large=0.625), _leading_span(4, at_large=None)]},
        },
        "account": {"decoder": _account(n, int(n_alive))},
        "agreement": {},
        "shared": [],
        "checks": [
            {"id": "same_weights", "status": "fail", "value": None, "message": HOSTILE[1]},
            {"id": "width", "status": "ok", "value": 1.0, "message": "wide enough"},
        ],
        "answer": ["Most of it is the same.", HOSTILE[0]],
    }


def _account(n: int, n_alive: int) -> dict[str, Any]:
    """Three latents in groups, two in a subspace, the dead ones dead."""
    counts = {"same": n_alive - 12, "group": 3, "subspace": 2, "similar": 4, "none": 3}
    counts |= {"rare": 0, "dead": n - n_alive}
    group = {"n_a": 1, "n_b": 2, "n_pairs": 0, "cosine": 0.9375, "score": 99.5, "p": 0.05}
    about = {"n_draws": 19, "groups_in_a_draw": 0.0625, "groups": [group], "subspace_rank": 2}
    return {"a": counts, "b": counts} | about | {"subspace_in_a_draw": {"a": 0.125, "b": 0.25}}


def _leading_span(r: int, *, at_large: float | None) -> dict[str, Any]:
    large = {} if at_large is None else {"at_large": at_large, "at_large_sd": 0.015625}
    energies = {"energy": 0.875, "a_in_b": 0.8125, "b_in_a": 0.9375}
    return {"r": r} | energies | {"chance": r / 8, "chance_sd": 0.03125, "p": 0.025} | large


def _held_out_summary(n_pairs: int) -> dict[str, Any]:
    return {
        "drop": 0.125,
        "mean_all_tokens": 0.5,
        "same_partner_in_both_folds": 0.75,
        "folds": [
            {
                "n_tokens_fit": 1162,
                "n_tokens_held_out": 1200,
                "n_documents_held_out": 30,
                "n_pairs": n_pairs,
                "mean_fit": 0.5,
                "mean_held_out": 0.375,
                "mean_held_out_bias_freed": interval and 0.4,
                "mean_held_out_interval": interval,
                "silent_fraction": 0.1,
            }
            for interval in ([0.25, 0.5], None)
        ],
    }


def _left_out(runs: list[str]) -> pd.DataFrame:
    """Found in one other run, a third come back; in two, two thirds and a bit."""
    rows = [(run, k, k / 3, k / 3 + 0.05 * (k - 1), 10 * k) for run in runs for k in (1, 2)]
    table = pd.DataFrame(rows, columns=["held_out_run", "k", "predicted", "observed", "n"])
    return table.assign(view="decoder", threshold=0.7)


def _census() -> pd.DataFrame:
    """One run holds .2 of another, two .3, and three are thought to hold .4, six .7."""
    table = pd.DataFrame({"view": "decoder", "threshold": 0.7, "n_runs": range(1, 7)})
    table["coverage"] = np.linspace(0.2, 0.7, 6)
    table["features"] = np.linspace(3, 8, 6)
    for name in ("coverage", "features"):
        table[f"{name}_low"], table[f"{name}_high"] = table[name] * 0.9, table[name] * 1.1
        table[f"null_{name}"] = table[name] / 10
        table[f"{name}_estimated"] = table["n_runs"] > 2
    return table


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
    classes = [
        {"low": x, "high": x, "median": x, "n": 3, "mean_stability": y, "in_all_runs": y}
        for x, y in ((0.001, 0.25), (0.01, 0.75))
    ]
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
        "stability_by": {"frequency": {"decoder": {"classes": classes, "null": 0.05}}},
    }
    return Stability(
        summary=summary,
        latents=latents,
        families=families,
        pairs=pairs.assign(view="decoder"),
        spectrum=pd.DataFrame(shares),
        triples=pd.DataFrame({"view": ["decoder"], "value": [1.0]}),
        left_out=_left_out(runs),
        census=_census(),
        contexts=pd.DataFrame(
            {
                "view": "decoder",
                "family": [1],
                "rank": [0],
                "row": [7],
                "codes": [[1.0, 0.5, 0.0]],
                "document": [HOSTILE[1]],
                "tokens": [["before ", HOSTILE[0], " after"]],
                "centre": [1],
            }
        ),
    )


def made_ladder() -> Stability:
    """The same with two steps of a ladder of widths: three, six and twelve latents."""
    flow = pd.DataFrame(
        [
            ("r0", "r1", "same", "same", 2),
            ("r0", "r1", "split", "refined", 2),
            ("r0", "r1", "nothing", "novel", 2),
            ("r1", "r2", "same", "same", 6),
            ("r1", "r2", "none", "nothing", 1),
            ("r1", "r2", "nothing", "none", 6),
        ],
        columns=["narrow", "wide", "source", "target", "n_latents"],
    )
    steps = [
        {
            "narrow": narrow,
            "wide": wide,
            "n_narrow": n,
            "n_wide": 2 * n,
            "greedy": {
                "narrow_to_wide": {"mean": 0.6, "null_mean": 0.2},
                "wide_to_narrow": {"mean": 0.5, "null_mean": 0.1},
            },
            "assignment": {"mean": 0.55},
            "narrow_grades": {"same": n},
            "wide_grades": {"same": n, "novel": n},
            "novel_known": True,
            "null_split_fraction": 0.01,
            "null_explained_fraction": 0.02,
        }
        for narrow, wide, n in (("r0", "r1", 3), ("r1", "r2", 6))
    ]
    made = made_stability()
    return replace(
        made,
        summary=made.summary | {"widths": steps},
        widths=Widths(narrow=pd.DataFrame(), wide=pd.DataFrame(), flow=flow),
    )
