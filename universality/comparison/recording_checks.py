"""What the activations of a comparison leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from universality.checks import Check
from universality.checks.given_activations import (
    check_caches,
    check_documents,
    check_leverage,
    check_silent_latents,
    check_spaces,
    check_tokens,
)
from universality.evidence.document_interval import FEW_DOCUMENTS, FEWEST_DOCUMENTS
from universality.runs.chance import NullStatistics, first_null_of
from universality.runs.run_set import RunSet
from universality.runs.views import ACTIVATIONS


def check_recorded(runs: RunSet, nulls: Sequence[NullStatistics], min_firing: int) -> list[Check]:
    """What the activations leave open: few tokens, silent latents, spaces of different width.

    Nothing without activations.
    """
    recorded = [part.recorded for part in runs.parts if part.recorded is not None]
    if runs.table is None:
        return []
    a, b = runs.dictionaries
    silent = [float(np.mean(one.codes.count < min_firing)) for one in recorded]
    of_caches = check_caches(a, b, (recorded[0], recorded[1]))
    checks = [
        check_spaces(a, b),
        *of_caches,
        check_silent_latents(silent[0], silent[1], minimum=min_firing),
    ]
    if runs.compares_firing:
        chance = first_null_of(ACTIVATIONS, nulls).mean.averages[ACTIVATIONS, "greedy_ab.mean"]
        heavy = any(check.id == "heavy_rows" and check.status == "warn" for check in of_caches)
        checks.append(check_tokens(len(runs.table), null_mean=chance, heavy=heavy))
        checks.append(check_documents(runs.n_documents, few=FEW_DOCUMENTS, fewest=FEWEST_DOCUMENTS))
    return checks


def check_carriers(found: Mapping[str, Any], threshold: float) -> list[Check]:
    """Whether few tokens carry the correlations, from the summary's `leverage`, if it has one."""
    if not (one := found.get("leverage")):
        return []
    named = {"n_pairs": one["n_pairs"], "n_left_out": one["n_left_out"], "threshold": threshold}
    return [check_leverage(one["lost"], **named)]
