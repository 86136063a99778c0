"""Which latents of a run others have too, and the forecasts that are fitted to that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

from universality.matching import Matching
from universality.reappearance.fitted_forecast import KNOWN, RULES
from universality.reappearance.logistic import Logistic, fit_logistic
from universality.reappearance.own_covariates import Covariates, own_covariates
from universality.reappearance.pair_covariates import VIEWS, pair_covariates
from universality.reappearance.reliability import Reliability, reliability
from universality.results.grades import ROUNDING
from universality.runs.matched import MatchedRuns
from universality.runs.view_match import ViewMatch
from universality.runs.views import BOTH

_FEWEST = {"one_run": 2, "two_runs": 3}
"""Runs of a kind that a forecast is fitted to: a target beside what is known."""


@final
@dataclass(frozen=True, eq=False)
class Trials:
    """Runs of one recipe, each latent of each looked for in every other."""

    names: tuple[str, ...]
    """Names of the runs."""
    own: tuple[Covariates, ...]
    """What each run says of its own latents."""
    beside: Mapping[tuple[int, int], Covariates]
    """What another run says of them: by the run, and the other."""
    found: Mapping[tuple[str, int, int], Float64[np.ndarray, " _"]]
    """1 where a target run has the latent, else 0: by rule, run and target."""

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.own)


@final
@dataclass(frozen=True, eq=False)
class Outcomes:
    """Latents of some base runs: what was known of each, and in how many targets it was found."""

    covariates: Covariates
    """One entry per latent (and other run, where one is known)."""
    found: Float64[np.ndarray, " n"]
    """Targets that have it."""
    targets: Float64[np.ndarray, " n"]
    """Targets it was looked for in."""


def gather_trials(matched: MatchedRuns, threshold: float) -> Trials:
    """What each run says of its latents, and which of them every other run has.

    The runs are matched in decoder and encoder.

    Raises:
        UnsupportedError: a run has no encoder, or brought no firing counts.
    """
    parts = matched.runs.parts
    own = tuple(own_covariates(part.dictionary, part.alive.mask) for part in parts)
    beside: dict[tuple[int, int], Covariates] = {}
    found: dict[tuple[str, int, int], np.ndarray] = {}
    for (a, b), pair in matched.pairs.items():
        for base, other in ((a, b), (b, a)):
            beside[base, other] = pair_covariates(pair.matches, swap=base == b)
            for rule in RULES:
                again = found_again(pair.matches, rule, threshold, swap=base == b)
                found[rule, base, other] = again.astype(np.float64)
    return Trials(matched.runs.names, own, beside, found)


def found_again(
    matches: Mapping[str, ViewMatch], rule: str, threshold: float, *, swap: bool
) -> np.ndarray:
    """Whether the other run has each latent of a (of b with `swap`), by a rule of `RULES`."""
    views = VIEWS if rule == BOTH else (rule,)
    found = [_partners(matches[view].matching, swap=swap) for view in views]
    reaching = [similarity >= threshold - ROUNDING for _, similarity in found]
    same = [partner == found[0][0] for partner, _ in found]
    return np.asarray(np.logical_and.reduce([*reaching, *same]))


def _partners(matching: Matching, *, swap: bool) -> tuple[np.ndarray, np.ndarray]:
    mine = matching.b if swap else matching.a
    partner = matching.partner_of_b if swap else matching.partner_of_a
    similarity = np.full(len(partner), -np.inf)
    similarity[mine] = matching.similarity
    return partner, similarity


def outcomes(
    trials: Trials, rule: str, known: str, *, bases: Iterable[int], among: Sequence[int]
) -> Outcomes:
    """The latents of the base runs, looked for in the runs `among` which there are others.

    For `two_runs` each base run once with every other run that is known, and looked for in the
    rest.
    """
    rows: list[Covariates] = []
    counts: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    for base in bases:
        others = [run for run in among if run != base]
        for seen in others if known == KNOWN[1] else [None]:
            left = [run for run in others if run != seen]
            more = {} if seen is None else trials.beside[base, seen]
            rows.append({**trials.own[base], **more})
            counts.append(np.sum([trials.found[rule, base, run] for run in left], axis=0))
            targets.append(np.full(len(counts[-1]), float(len(left))))
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    return Outcomes(columns, np.concatenate(counts), np.concatenate(targets))


def fit_forecast(cells: Sequence[Trials], rule: str, known: str) -> Logistic:
    """One fit to every latent of runs of several kinds, each looked for in those of its own kind.

    Kinds of too few runs have no part in it: two for `one_run`, three for `two_runs`.

    Raises:
        InvalidInputError: no latent was found again, or every one.
    """
    return _fit([_all(cell, rule, known) for cell in enough(cells, known)])


def enough(cells: Sequence[Trials], known: str) -> list[Trials]:
    """The kinds that have as many runs as a forecast takes."""
    return [cell for cell in cells if cell.n_runs >= _FEWEST[known]]


def _all(cell: Trials, rule: str, known: str) -> Outcomes:
    everyone = range(cell.n_runs)
    return outcomes(cell, rule, known, bases=everyone, among=everyone)


def _fit(seen: Sequence[Outcomes]) -> Logistic:
    names = seen[0].covariates
    return fit_logistic(
        {name: np.concatenate([one.covariates[name] for one in seen]) for name in names},
        np.concatenate([one.found for one in seen]),
        np.concatenate([one.targets for one in seen]),
    )


def tested(model: Logistic, seen: Outcomes) -> Reliability:
    """How good a fit is on latents that it was not fitted to; each target is one outcome."""
    chances = model.chances(seen.covariates)
    n_found, n_missed = seen.found.astype(int), (seen.targets - seen.found).astype(int)
    again = np.concatenate([np.ones(n_found.sum()), np.zeros(n_missed.sum())])
    return reliability(
        np.concatenate([np.repeat(chances, n_found), np.repeat(chances, n_missed)]), again
    )


def leave_one_out(cells: Sequence[Trials], rule: str, known: str) -> dict[str, Reliability]:
    """By the name of each run: a fit whose base run it never was, tested on its latents.

    Where enough of its kind are left without it, it has no part in the fit at all; else the others
    were looked for in it.
    """
    taken = enough(cells, known)
    tests: dict[str, Reliability] = {}
    for cell in taken:
        rest = [_all(other, rule, known) for other in taken if other is not cell]
        for base, name in enumerate(cell.names):
            model = _fit([*rest, *_without(cell, base, rule, known)])
            everyone = range(cell.n_runs)
            seen = outcomes(cell, rule, known, bases=[base], among=everyone)
            tests[name] = tested(model, seen)
    return tests


def _without(cell: Trials, base: int, rule: str, known: str) -> list[Outcomes]:
    others = [run for run in range(cell.n_runs) if run != base]
    among = others if is_apart(cell.n_runs, known) else range(cell.n_runs)
    return [outcomes(cell, rule, known, bases=others, among=among)]


def is_apart(n_runs: int, known: str) -> bool:
    """Whether a run of so many can be left out of a fit altogether."""
    return n_runs > _FEWEST[known]
