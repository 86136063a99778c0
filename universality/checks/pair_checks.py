"""Every check of two matched runs, the only two or two of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from universality.checks.all_checks import run_checks
from universality.checks.check import Check
from universality.checks.fitted_maps import check_fitted_map
from universality.checks.given_activations import (
    check_caches,
    check_documents,
    check_leverage,
    check_silent_latents,
    check_spaces,
    check_tokens,
)
from universality.checks.nulls import check_room
from universality.checks.saturation import check_saturation
from universality.evidence.document_interval import FEW_DOCUMENTS, FEWEST_DOCUMENTS
from universality.runs.between.surprise import SIDES
from universality.runs.chance import NullStatistics, first_null_of
from universality.runs.draws import OWN_DRAW
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS


def check_pair(
    pair: MatchedPair,
    nulls: Sequence[NullStatistics],
    policy: Policy,
    *,
    found: Mapping[str, Any],
) -> list[Check]:
    """What could void what is said of two runs; `found` is the summary of `find_between`."""
    a, b = pair.a, pair.b
    checks = run_checks(
        a.dictionary,
        b.dictionary,
        alive=(a.alive, b.alive),
        partners=pair.partners,
        hashes=(a.sha256, b.sha256),
        align=policy.align,
    )
    if (fitted := pair.runs.fitted) is not None:
        checks.append(check_fitted_map(fitted.explained, fitted.null_explained))
    room = {view: value for (view, of), value in nulls[0].mean.averages.items() if of == OWN_DRAW}
    if room:
        checks.append(check_room(nulls[0].name, room))
    checks += _of_activations(pair, nulls, policy.min_firing)
    checks += _of_saturation(pair, policy.threshold)
    if one := found.get("leverage"):
        named = {"n_pairs": one["n_pairs"], "n_left_out": one["n_left_out"]}
        checks.append(check_leverage(one["lost"], **named, threshold=policy.threshold))
    return checks


def _of_saturation(pair: MatchedPair, threshold: float) -> list[Check]:
    """Whether nearly every latent of the narrower run has a partner; nothing without directions."""
    if not {"decoder", "encoder"} <= set(pair.matches):
        return []
    side = min(SIDES, key=lambda side: pair.sides(side)[0].alive.n_alive)
    part, _ = pair.sides(side)
    decoder, encoder = (pair.matches[view].of(side) for view in ("decoder", "encoder"))
    one_partner = (decoder.partner == encoder.partner) & (decoder.partner >= 0)
    reached = one_partner & (np.fmin(decoder.similarity, encoder.similarity) >= threshold)
    firing = part.dictionary.firing
    frequency = None if firing is None else firing.frequency.double().cpu().numpy()[part.numbers]
    return [check_saturation(reached, frequency, threshold=threshold)]


def _of_activations(
    pair: MatchedPair, nulls: Sequence[NullStatistics], min_firing: int
) -> list[Check]:
    """What the activations leave open: few tokens, silent latents, spaces of different width.

    Nothing without activations.
    """
    runs = pair.runs
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
