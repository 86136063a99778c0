"""Where a calibration holds: runs of the recipe that it was fitted to, and what its latents do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from universality.checks.training_amount import amount_of_training
from universality.dictionary import Dictionary, Firing
from universality.errors import FormatError
from universality.intake.fields import Fields
from universality.naming import same_model, same_place
from universality.reappearance.own_covariates import OWN, Covariates

_DRIFT = 0.5
_SPARSER = 1.25
_LONGER = 1.5


@final
@dataclass(frozen=True)
class Recipe:
    """What made a run, as far as its files say; None where they do not."""

    model_name: str | None
    """Language model."""
    hook_name: str | None
    """Where in it the tokens were read."""
    d_in: int
    """Width of the tokens."""
    d_sae: int
    """Latents."""
    architecture: str
    """The rule of its codes, such as `TopK`."""
    active: int | float | None
    """Latents active on a token, on average."""
    presentations: int | None
    """Tokens shown in training, repetitions included."""


def recipe_of(run: Dictionary, firing: Firing | None = None) -> Recipe:
    """What made a run; how often it fires by its own counts, else by `firing`."""
    counted = run.firing or firing
    return Recipe(
        model_name=run.key.model_name,
        hook_name=run.key.hook_name,
        d_in=run.d_in,
        d_sae=run.d_sae,
        architecture=type(run.activation_fn).__name__,
        active=None if counted is None else float(counted.frequency.double().sum()),
        presentations=amount_of_training(run).n_presentations,
    )


@final
@dataclass(frozen=True)
class Spread:
    """What the fitted runs have of one covariate."""

    lowest: float
    """Lowest median over the latents of a run."""
    highest: float
    """Highest median over the latents of a run."""
    range_: float
    """Mean interquartile range within a run."""


@final
@dataclass(frozen=True)
class Domain:
    """The runs that a forecast was fitted to, and with that what it may be asked about."""

    recipes: tuple[Recipe, ...]
    """Of the runs, each once."""
    spreads: Mapping[str, Spread]
    """By covariate."""

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "recipes": [asdict(recipe) for recipe in self.recipes],
            "medians": {
                name: [_rounded(n) for n in (one.lowest, one.highest, one.range_)]
                for name, one in self.spreads.items()
            },
        }


def domain_of(recipes: Sequence[Recipe], covariates: Sequence[Covariates]) -> Domain:
    """The domain of a fit to these runs; both have one entry for each."""
    return Domain(
        tuple(dict.fromkeys(recipes)),
        {name: _spread([one[name] for one in covariates]) for name in OWN},
    )


def _spread(by_run: Sequence[np.ndarray]) -> Spread:
    quartiles = np.array([np.quantile(values, (0.25, 0.5, 0.75)) for values in by_run])
    medians, ranges = quartiles[:, 1], quartiles[:, 2] - quartiles[:, 0]
    return Spread(float(medians.min()), float(medians.max()), float(ranges.mean()))


def outside(domain: Domain, run: Recipe, covariates: Covariates | None) -> tuple[str, ...]:
    """Why a run is not one that the forecast speaks of, one phrase each; none where it is.

    Model and hook must be the same, by whatever spelling, and the rule one of the fit; the width
    between those of the fit, sparsity within a quarter and presentations within a half of them.
    What the fitted runs do not say is not asked; what they say and the run does not is a reason.
    Last, where the covariates are known, the median of each must lie within half an interquartile
    range of those of the fitted runs: what no file says (other texts, random weights of the model)
    shows there.
    """
    recipe = tuple(_other_recipe(domain.recipes, run))
    return recipe if covariates is None else (*recipe, *_drifted(domain, covariates))


def _other_recipe(fitted: Sequence[Recipe], run: Recipe) -> Iterator[str]:
    first = fitted[0]
    for what, ours, theirs, same in (
        ("model", first.model_name, run.model_name, same_model),
        ("hook", first.hook_name, run.hook_name, same_place),
    ):
        if ours is not None and not (ours == theirs or same(ours, theirs)):
            yield f"{what} {theirs or 'unknown'}, fitted on {ours}"
    if run.d_in != first.d_in:
        yield f"d_in {run.d_in:,}, fitted on {first.d_in:,}"
    rules = list(dict.fromkeys(one.architecture for one in fitted))
    if run.architecture not in rules:
        yield f"rule {run.architecture}, fitted on {', '.join(rules)}"
    yield from _far("latents", [one.d_sae for one in fitted], run.d_sae, 1.0)
    yield from _far("active latents", [one.active for one in fitted], run.active, _SPARSER)
    shown = [one.presentations for one in fitted]
    yield from _far("tokens of training", shown, run.presentations, _LONGER)


def _far(
    what: str, fitted: Sequence[int | float | None], value: int | float | None, factor: float
) -> Iterator[str]:
    known = [one for one in fitted if one is not None]
    if not known:
        return
    low, high = min(known), max(known)
    span = f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"
    if value is None:
        yield f"{what} unknown, fitted on {span}"
    elif not low / factor <= value <= high * factor:
        yield f"{value:,.6g} {what}, fitted on {span}"


def _drifted(domain: Domain, covariates: Covariates) -> Iterator[str]:
    for name, one in domain.spreads.items():
        median = float(np.median(covariates[name]))
        room = _DRIFT * max(one.range_, 1e-9)
        if not one.lowest - room <= median <= one.highest + room:
            yield f"median {name} {median:.3g}, fitted on {one.lowest:.3g} to {one.highest:.3g}"


def _rounded(value: int | float) -> float:
    return float(f"{value:.9g}")


def read_domain(fields: Fields) -> Domain:
    """The domain that a file describes.

    Raises:
        FormatError: a field is missing, or is something else.
    """
    medians = Fields(f"{fields.where}: medians", fields.mapping("medians"))
    recipes = tuple(_read_recipe(one) for one in fields.sections("recipes"))
    if not recipes:
        raise FormatError(f"{fields.where}: recipes must name at least one run")
    spreads = {name: Spread(*medians.numbers(name, length=3)) for name in OWN}
    return Domain(recipes, spreads)


def _read_recipe(fields: Fields) -> Recipe:
    return Recipe(
        model_name=fields.optional_text("model_name"),
        hook_name=fields.optional_text("hook_name"),
        d_in=fields.count("d_in", least=1),
        d_sae=fields.count("d_sae", least=1),
        architecture=fields.text("architecture"),
        active=fields.optional_number("active"),
        presentations=fields.optional_count("presentations"),
    )
