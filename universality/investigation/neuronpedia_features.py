"""Investigated latents as Neuronpedia's feature JSON, from saved tables alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from universality.results.investigated import Investigation

_TOPS = 10
_BARS = 50
_DIGITS = 4


def neuronpedia_features(
    result: Investigation, *, model_id: str, source: str
) -> list[dict[str, Any]]:
    """One mapping per latent, with the keys of Neuronpedia's `Neuron` and its `activations`.

    `layer` is `source`, as their addresses have it (`8-res-jb`); latents of other runs get their
    run's name after it. Bars of histograms have one value and one height each: the middle of the
    bar, and the tokens in it. A token without a code in the cache has the value 0.
    """
    first = result.summary["subjects"][0]["run"]
    return [
        _feature(
            result,
            one,
            model_id=model_id,
            source=source if one["run"] == first else f"{source}-{one['run']}",
        )
        for one in result.summary["subjects"]
    ]


def _feature(
    result: Investigation, subject: dict[str, Any], *, model_id: str, source: str
) -> dict[str, Any]:
    bins = _of(result.histogram, subject)
    whose = {"modelId": model_id, "layer": source, "index": str(subject["latent"])}
    said = result.summary.get("explanation") if subject is result.summary["subjects"][0] else None
    within = whose | {"source": source}
    return {
        **whose,
        "explanations": [within | {"description": said}] if said else [],
        "maxActApprox": _rounded(subject["largest"]),
        "frac_nonzero": subject["frequency"],
        "hookName": result.summary["activations"]["hook_name"],
        "freq_hist_data_bar_values": _listed((bins["low"] + bins["high"]) / 2),
        "freq_hist_data_bar_heights": _listed(bins["count"]),
        **_logits(result, subject),
        **_neurons(result, subject),
        "activations": [within | one for one in _activations(result, subject)],
    }


def _logits(result: Investigation, subject: dict[str, Any]) -> dict[str, Any]:
    if result.logits is None:
        return {}
    own = _of(result.logits, subject)
    own = own[own["n_occurrences"] > 0].sort_values("weight", ascending=False, kind="stable")
    high, low = own.head(_TOPS), own.tail(_TOPS).iloc[::-1]
    heights, edges = np.histogram(own["weight"], bins=_BARS)
    return {
        "pos_str": high["string"].tolist(),
        "pos_values": _listed(high["weight"]),
        "neg_str": low["string"].tolist(),
        "neg_values": _listed(low["weight"]),
        "logits_hist_data_bar_values": _listed((edges[:-1] + edges[1:]) / 2),
        "logits_hist_data_bar_heights": _listed(heights),
    }


def _neurons(result: Investigation, subject: dict[str, Any]) -> dict[str, Any]:
    if result.neurons is None:
        return {}
    own = _of(result.neurons, subject)
    return {
        "correlated_neurons_indices": [int(one) for one in own["neuron"]],
        "correlated_neurons_pearson": _listed(own["correlation"]),
    }


def _activations(result: Investigation, subject: dict[str, Any]) -> list[dict[str, Any]]:
    """The strongest texts, of no interval, and those of each interval with its edges."""
    groups = _of(result.groups, subject)
    intervals = groups[groups["rule"] == "interval"].set_index("group")
    contexts = _of(result.contexts, subject)
    listed = []
    for row in contexts[contexts["kind"].isin(["top", "interval"])].to_dict("records"):
        values = np.nan_to_num(np.asarray(row["codes"], dtype=float))
        known: dict[str, Any] = {"binMin": None, "binMax": None, "binContains": None}
        if row["kind"] == "interval":
            group = intervals.loc[row["group"]]
            known = {
                "binMin": _rounded(group["low"]),
                "binMax": _rounded(group["high"]),
                "binContains": _rounded(group["share"]),
            }
        listed.append(
            known
            | {
                "tokens": [str(one) for one in row["tokens"]],
                "values": _listed(values),
                "maxValue": _rounded(values.max()),
                "minValue": _rounded(values.min()),
                "maxValueTokenIndex": int(values.argmax()),
                "qualifyingTokenIndex": int(row["centre"]),
            }
        )
    return listed


def _of(table: pd.DataFrame, subject: dict[str, Any]) -> pd.DataFrame:
    own = (table["run"] == subject["run"]) & (table["latent"] == subject["latent"])
    found: pd.DataFrame = table[own]
    return found


def _listed(values: Any) -> list[float]:
    return [_rounded(one) for one in values]


def _rounded(value: Any) -> float:
    return round(float(value), _DIGITS)
