"""What one view says of pairs that another view made, and what unseen documents say of pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from universality.evidence.held_out import Fold
from universality.runs.view_match import ViewMatch

_EDGES = np.linspace(-1, 1, 21)
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def activation_findings(
    pairs: pd.DataFrame, folds: tuple[Fold, Fold] | None, match: ViewMatch
) -> dict[str, Any]:
    """The keys of the summary that only a comparison with activations has."""
    found: dict[str, Any] = {}
    if (pairs["view"] == "decoder").any():
        found["cross_view"] = cross_view(pairs)
    if folds is not None:
        found["held_out"] = held_out_summary(folds, match)
    return found


def cross_view(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """Given the decoder cosine of an assigned pair, the distribution of how alike it fires.

    One entry per tenth of cosine that holds pairs: its edges, the number of pairs, mean and
    quantiles of their similarity in activations, and the share whose partner by activations is
    the same.
    """
    own = pairs[pairs["view"] == "decoder"]
    tenth = np.clip(np.digitize(own["similarity"], _EDGES) - 1, 0, len(_EDGES) - 2)
    rows = []
    for number in np.unique(tenth):
        part = own[tenth == number]
        values = part["similarity_activations"]
        quantiles = values.quantile(list(_QUANTILES))
        rows.append(
            {
                "decoder": [round(float(edge), 1) for edge in _EDGES[number : number + 2]],
                "n_pairs": len(part),
                "mean": float(values.mean()),
                **{f"q{100 * q:.0f}": float(quantiles[q]) for q in _QUANTILES},
                "same_partner": float(part["same_partner_activations"].mean()),
            }
        )
    return rows


def held_out_summary(folds: tuple[Fold, Fold], match: ViewMatch) -> dict[str, Any]:
    """How much of the similarity of pairs survives on documents they were not found on."""
    each = [_fold(fold) for fold in folds]
    return {
        "mean_fit": _mean(each, "mean_fit"),
        "mean_held_out": _mean(each, "mean_held_out"),
        "drop": _mean(each, "mean_fit_of_heard") - _mean(each, "mean_held_out"),
        "silent_fraction": _mean(each, "silent_fraction"),
        "mean_all_tokens": match.matching.mean,
        "same_partner_in_both_folds": _same_partner(*folds),
        "folds": each,
    }


def _fold(fold: Fold) -> dict[str, Any]:
    heard = ~fold.silent
    return {
        "n_tokens_fit": fold.n_tokens_fit,
        "n_tokens_held_out": fold.n_tokens_held_out,
        "n_documents_held_out": fold.n_documents_held_out,
        "n_pairs": int(fold.a.size),
        "mean_fit": float(fold.fit.mean()),
        "mean_fit_of_heard": float(fold.fit[heard].mean()) if heard.any() else 0.0,
        "mean_held_out": float(fold.held_out[heard].mean()) if heard.any() else 0.0,
        "mean_held_out_bias_freed": fold.interval.estimate if fold.interval else None,
        "mean_held_out_interval": [fold.interval.low, fold.interval.high]
        if fold.interval
        else None,
        "n_silent": int(fold.silent.sum()),
        "silent_fraction": float(fold.silent.mean()),
    }


def _mean(folds: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([fold[name] for fold in folds]))


def _same_partner(first: Fold, second: Fold) -> float:
    """Of the latents of a that both halves give a partner, the share with the same one."""
    common, i, j = np.intersect1d(first.a, second.a, return_indices=True)
    return float((first.b[i] == second.b[j]).mean()) if common.size else 0.0
