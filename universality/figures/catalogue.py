"""Which figures a saved result has the tables for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

from matplotlib.axes import Axes

from universality.errors import InvalidInputError
from universality.figures import (
    connectors,
    one_more_run,
    pairs,
    partners,
    same_effects,
    widths,
)
from universality.figures import investigations as one_latent
from universality.figures import many_runs as stability
from universality.figures import similarities as latents
from universality.figures import toy_models as toy
from universality.figures import two_runs as whole
from universality.figures.style import (
    CONNECTOR_RESULT,
    MANY_RUNS,
    ONE_LATENT,
    PAIR,
    TOY,
    TWO_RUNS,
)
from universality.results import (
    Comparison,
    Connection,
    Investigation,
    SavedResult,
    Stability,
    ToyResult,
)
from universality.validation import either, takes

RESULT = either(TWO_RUNS, MANY_RUNS, TOY, ONE_LATENT, CONNECTOR_RESULT)

_HEADLINES = (
    "share_against_threshold",
    "matched_similarity",
    "partners_against_price",
    "account_of_latents",
    "decoder_against_encoder",
    "effects_against_similarity",
    "spectrum",
    "only_in_one",
    "reappearance_reliability",
    "coverage_against_runs",
    "pair_matrix",
    "stability_against_frequency",
    "consistency_over_steps",
    "width_ladder",
    "width_flow",
    "features_in_plane",
    "feature_overlaps",
    "active_over_training",
    "activation_density",
    "precision_by_interval",
    "effect_beside_controls",
    "likeness_beside_null",
    "partner_effects",
    "connector_weights",
    "connector_degrees",
    "unexplained_by_latent",
    "weights_over_threshold",
)


@takes(result=RESULT)
def headlines_of(result: SavedResult) -> dict[str, Callable[[Axes], Axes]]:
    """The few figures drawn with every result; `universality figures` draws the others."""
    return {name: draw for name, draw in figures_of(result).items() if name in _HEADLINES}


@takes(result=RESULT, pair=PAIR)
def figures_of(
    result: SavedResult, *, pair: tuple[int, int] | None = None
) -> dict[str, Callable[[Axes], Axes]]:
    """Every figure that the result can fill, by name: functions that draw on given axes.

    `pair` says whose activations and logit weights are drawn, a latent of a and one of b; by
    default the most alike of the pairs that were kept.

    Raises:
        InvalidInputError: nothing was kept of the pair, or the result is not of two runs.
    """
    match result:
        case Comparison():
            return _of_two(result, pair=pair)
        case Stability():
            return _of_many(result, pair=pair)
        case ToyResult():
            return _of_toy(result, pair=pair)
        case Investigation():
            return _of_one_latent(result, pair=pair)
        case Connection():
            return _of_connector(result, pair=pair)
        case _:
            assert_never(result)


def _of_many(
    result: Stability, *, pair: tuple[int, int] | None = None
) -> dict[str, Callable[[Axes], Axes]]:
    if pair is not None:
        raise InvalidInputError("--pair is for results of two runs; this one is of many")
    draws: list[Callable[[Stability, Axes], Axes]] = []
    if result.summary["spectrum"]:
        draws += [stability.spectrum, stability.only_in_one]
    # Assignments of one view alone have neither similarities nor agreement.
    if any(
        result.pairs[name].notna().any() for name in ("mean", "agreement") if name in result.pairs
    ):
        draws.append(stability.pair_matrix)
    more: dict[str, Callable[[Axes], Axes]] = {
        f"pair_matrix_{view}": partial(stability.pair_matrix, result, view=view)
        for view in stability.views_with_means(result)[1:]
    }
    known = result.summary.get("stability_by", {})
    if "frequency" in known:
        draws.append(stability.stability_against_frequency)
    if "decoder_norm" in known:
        draws.append(stability.stability_against_norm)
    cells = result.summary.get("grid", [])
    if len({cell["step"] for cell in cells if cell["step"] is not None and cell["views"]}) > 1:
        draws.append(stability.consistency_over_steps)
    if result.left_out is not None and len(result.left_out):
        draws.append(one_more_run.reappearance_reliability)
    if result.census is not None:
        draws.append(one_more_run.coverage_against_runs)
    if result.widths is not None:
        draws += [widths.width_ladder, widths.width_flow]
    return more | {draw.__name__: partial(draw, result) for draw in draws}


def _of_toy(
    result: ToyResult, *, pair: tuple[int, int] | None = None
) -> dict[str, Callable[[Axes], Axes]]:
    if pair is not None:
        raise InvalidInputError("--pair is for results of two runs; this one is a toy experiment")
    draws: list[Callable[[ToyResult, Axes], Axes]] = [
        toy.feature_overlaps,
        toy.active_over_training,
    ]
    if result.W.shape[0] == 2:
        draws.append(toy.features_in_plane)
    return {draw.__name__: partial(draw, result) for draw in draws}


def _of_one_latent(
    result: Investigation, *, pair: tuple[int, int] | None = None
) -> dict[str, Callable[[Axes], Axes]]:
    if pair is not None:
        raise InvalidInputError("--pair is for results of two runs; this one is of one latent")
    needed = {
        one_latent.activation_density: result.histogram,
        one_latent.activation_weight: result.histogram,
        one_latent.precision_by_interval: result.proxy_groups,
        one_latent.logit_weight_histogram: result.logits,
        one_latent.effect_beside_controls: result.controls,
        one_latent.likeness_beside_null: result.similarities,
        one_latent.partner_activations: result.pair_tokens,
        one_latent.partner_effects: result.pair_effects,
    }
    draws = [draw for draw, table in needed.items() if table is not None]
    return {draw.__name__: partial(draw, result) for draw in draws}


def _of_connector(
    result: Connection, *, pair: tuple[int, int] | None = None
) -> dict[str, Callable[[Axes], Axes]]:
    if pair is not None:
        raise InvalidInputError("--pair is for results of two runs; this one is of a connector")
    draws: list[Callable[[Connection, Axes], Axes]] = [
        connectors.connector_weights,
        connectors.weights_over_threshold,
        connectors.connector_degrees,
        connectors.unexplained_by_latent,
    ]
    return {draw.__name__: partial(draw, result) for draw in draws}


def _of_two(
    comparison: Comparison, *, pair: tuple[int, int] | None = None
) -> dict[str, Callable[[Axes], Axes]]:
    views = set(comparison.summary["views"])
    columns = set(comparison.latents_a.columns)
    draws: list[Callable[[Comparison, Axes], Axes]] = [
        whole.share_against_threshold,
        whole.means_beside_null,
        latents.matched_similarity,
    ]
    if "grades" in comparison.summary:
        draws.append(whole.grades)
    if "account" in comparison.summary:
        draws.append(whole.account_of_latents)
    if {"decoder", "encoder"} <= views:
        draws.append(latents.decoder_against_encoder)
    if {"decoder", "activations"} <= views:
        draws.append(latents.decoder_against_activations)
    if "frequency" in columns:
        draws.append(latents.similarity_against_frequency)
    if any(f"{name}_{view}" in columns for name in ("p_value", "p_bound") for view in views):
        draws.append(latents.p_value_calibration)
    if comparison.effects is not None:
        draws.append(same_effects.effects_against_similarity)
    if comparison.partial is not None:
        draws.append(partners.partners_against_price)
    of_pair = pairs.figures_of_pair(comparison, pair)
    return of_pair | {draw.__name__: partial(draw, comparison) for draw in draws}
