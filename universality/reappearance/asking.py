"""What a calibration says of the latents of a run, or that it has nothing to say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float64
from torch import Tensor

from universality.dictionary import Dictionary, Firing
from universality.errors import UnsupportedError
from universality.reappearance.domain import outside, recipe_of
from universality.reappearance.exchangeable import dependence_among
from universality.reappearance.fitted_forecast import KNOWN, RULES, Calibration
from universality.reappearance.own_covariates import Covariates, own_covariates
from universality.reappearance.pair_covariates import VIEWS, pair_covariates
from universality.runs.between.own_runs import OwnRun
from universality.runs.between.surprise import SIDES, Side
from universality.runs.matched import MatchedPair, MatchedRuns
from universality.runs.part import RunPart
from universality.runs.views import BOTH

COLUMN = "p_reappears_{rule}"
"""How tables call the chance that one more run has a latent, by the rule that finds it there."""


@final
@dataclass(frozen=True, eq=False)
class LatentForecast:
    """The chances of the latents of one run that take part, or why there are none."""

    calibration: Calibration
    """Whose they are."""
    known: str
    """`one_run`, or `two_runs` where another run was looked at too."""
    chances: Mapping[str, Float64[np.ndarray, " _"]]
    """By rule; empty where the run is none that the calibration speaks of."""
    reasons: tuple[str, ...]
    """Why it is none; empty where it is."""
    covariates: Covariates | None
    """What the run says of its latents; None where that was not computed, or cannot be."""

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The chances as columns of a table of these latents."""
        return {COLUMN.format(rule=rule): values for rule, values in self.chances.items()}

    def as_record(self) -> dict[str, Any]:
        """What it is and how good, for a summary."""
        fitted = self.calibration
        record: dict[str, Any] = {
            "calibration": fitted.name,
            "version": fitted.version,
            "threshold": fitted.threshold,
            "known": self.known,
            "calibrated": not self.reasons,
            "reasons": list(self.reasons),
        }
        if self.chances:
            record["rules"] = {
                rule: {"mean": float(values.mean())} | fitted.worth(rule, self.known)
                for rule, values in self.chances.items()
            }
        if self.covariates is not None:
            spreads = fitted.domains[self.known].spreads
            record["covariates"] = {
                name: {
                    "median": float(np.median(values)),
                    "fitted": [spreads[name].lowest, spreads[name].highest],
                }
                for name, values in self.covariates.items()
                if name in spreads
            }
        return record


def forecast_alone(
    run: Dictionary,
    alive: Bool[Tensor, " d_sae"],
    calibration: Calibration,
    *,
    firing: Firing | None = None,
    device: str = "auto",
) -> LatentForecast:
    """The forecast from one run; its covariates also where it is outside the domain."""
    known = KNOWN[0]
    try:
        own = own_covariates(run, alive, firing=firing, device=device)
    except UnsupportedError as error:
        return LatentForecast(calibration, known, {}, (str(error),), None)
    reasons = outside(calibration.domains[known], recipe_of(run, firing), own)
    return LatentForecast(
        calibration, known, _chances(calibration, known, own, reasons), reasons, own
    )


def forecast_beside(
    pair: MatchedPair,
    runs: Sequence[Dictionary],
    calibration: Calibration,
    *,
    own: Mapping[Side, OwnRun] | None = None,
    absolute: bool = False,
    device: str = "auto",
) -> dict[str, LatentForecast]:
    """By side, the forecasts for both of two runs, each knowing the other.

    `runs` are they as they were opened, with the firing counts they brought; where those are
    missing, those on the common tokens stand for them. `own`, by side, is what is known of how near
    latents of each run are to each other. Where two runs are outside the domain of
    what knows two, but each is in that of one run, each is asked alone. Covariates are computed
    only for recipes of the domain. Similarities without their sign (`absolute`) are not what was
    fitted.
    """
    fault = dependence_among(MatchedRuns(pair.runs, {(0, 1): pair}), (0, 1))
    if absolute:
        fault = "the forecast was fitted to cosines with their sign"
    elif not fault and not set(VIEWS) <= set(pair.matches):
        fault = "the forecast takes both views of directions, decoder and encoder"
    if fault:
        refused = LatentForecast(calibration, KNOWN[1], {}, (fault,), None)
        return dict.fromkeys(SIDES, refused)
    return {
        side: _beside(pair, run, calibration, side=side, own=(own or {}).get(side), device=device)
        for side, run in zip(SIDES, runs, strict=True)
    }


def forecast_columns(forecast: LatentForecast, part: RunPart) -> dict[str, np.ndarray]:
    """`p_reappears_<rule>` of every latent, and `p_reappears` by both views; none outside."""
    columns = {name: part.column(values) for name, values in forecast.columns.items()}
    main = COLUMN.format(rule=BOTH)
    return columns | ({"p_reappears": columns[main]} if main in columns else {})


def _beside(
    pair: MatchedPair,
    run: Dictionary,
    calibration: Calibration,
    *,
    side: Side,
    own: OwnRun | None,
    device: str,
) -> LatentForecast:
    part, _ = pair.sides(side)
    firing = part.dictionary.firing
    recipe = recipe_of(run, firing)
    known = next(
        (one for one in reversed(KNOWN) if not outside(calibration.domains[one], recipe, None)),
        KNOWN[1],
    )
    reasons = outside(calibration.domains[known], recipe, None)
    if reasons:
        return LatentForecast(calibration, known, {}, reasons, None)
    try:
        near = {} if own is None else {view: one.near for view, one in own.within.items()}
        alone = own_covariates(run, part.alive.mask, firing=firing, device=device, near=near)
    except UnsupportedError as error:
        return LatentForecast(calibration, known, {}, (str(error),), None)
    reasons = outside(calibration.domains[known], recipe, alone)
    more = pair_covariates(pair.matches, swap=side == "b") if known == KNOWN[1] else {}
    chances = _chances(calibration, known, {**alone, **more}, reasons)
    return LatentForecast(calibration, known, chances, reasons, alone)


def _chances(
    calibration: Calibration, known: str, covariates: Covariates, reasons: Sequence[str]
) -> dict[str, np.ndarray]:
    if reasons:
        return {}
    return {rule: calibration.models[rule, known].chances(covariates) for rule in RULES}
