"""What a study says of each latent in one word: the grades of a comparison, over several runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
from jaxtyping import Bool, Float64

from universality.recurrence.families.family_rules import Rule
from universality.recurrence.families.spectrum import n_runs_found
from universality.results.grades import grade_column, grades_over, views_together
from universality.runs.between.surprise import SIDES, above_chance, kept_surprise
from universality.runs.matched import MatchedRuns
from universality.runs.partner_table import agreeing
from universality.runs.policy import Policy
from universality.runs.views import BOTH
from universality.storage.kept import PairStore


def above_in_some_run(
    matched: MatchedRuns, group: Sequence[int], policy: Policy, *, store: PairStore | None
) -> dict[str, Bool[np.ndarray, " n_latents"]]:
    """By view, which latents of a group of runs have a nearest in some other run above chance.

    The smallest p-value over the other runs, times their number (Bonferroni), then the false
    discovery rate over the latents of the run, as in a comparison. False where nothing is known.
    """
    p_values: dict[tuple[str, int], list[np.ndarray]] = {}
    for two, pair in matched.pairs.items():
        if set(two) <= set(group):
            for (side, view), p in kept_surprise(pair, policy, store).items():
                run = two[SIDES.index(side)]
                p_values.setdefault((view, run), []).append(p)
    parts = matched.runs.parts
    return {
        view: np.concatenate([parts[run].column(_above(p_values[view, run])) for run in group])
        for view in matched.runs.view_names
        if (view, group[0]) in p_values
    }


def grade_columns(
    rules: Mapping[str, Rule],
    above: Mapping[str, Bool[np.ndarray, " n_latents"]],
    rare: Bool[np.ndarray, " n_latents"],
) -> dict[str, np.ndarray]:
    """The grade of each latent by each rule, and by all views (`grade`).

    By a view, `same`: an assigned partner in some other run reaches the threshold; `similar`: not
    that, but the nearest latent of some other run is above chance (`above`). Over several views as
    in a comparison. `rare` latents fire too rarely to be judged.
    """
    alive = next(iter(rules.values())).matched.alive
    edges = {name: rule.edges for name, rule in rules.items() if name != BOTH}
    by_view = {
        view: np.select(
            [alive & (n_runs_found(one) > 1), alive & above.get(view, False), alive, rare],
            ["same", "similar", "none", "rare"],
            "dead",
        ).astype(object)
        for view, one in edges.items()
    }
    together = {
        name: grades_over(
            np.stack([by_view[view] for view in views], axis=1),
            agreed=n_runs_found(reduce(agreeing, [edges[view] for view in views])) > 1,
        )
        for name, views in views_together(list(edges)).items()
    }
    return {grade_column(name): found for name, found in (by_view | together).items()}


def _above(p_values: Sequence[Float64[np.ndarray, " n"]]) -> Bool[np.ndarray, " n"]:
    known = np.where(np.isnan(p_values), np.inf, p_values).min(axis=0)
    p = np.where(np.isinf(known), np.nan, np.minimum(1.0, len(p_values) * known))
    return np.asarray(np.nan_to_num(above_chance(p)[1].astype(float)) > 0)
