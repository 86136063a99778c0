"""Which views runs are compared in: those that all of them have, in spaces of equal width."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch

from universality.dictionary import Dictionary, DirectionName
from universality.errors import InvalidInputError
from universality.naming import same_model
from universality.runs.policy import Policy
from universality.runs.views import (
    ACTIVATIONS,
    FITTED_ALIGNMENTS,
    FiringView,
    View,
    direction_views,
)


def choose_views(
    runs: Sequence[Dictionary], policy: Policy, *, device: torch.device, activations: bool
) -> tuple[View, ...]:
    """The views to compare, checked: all runs have them, in spaces of equal width.

    What was not asked for and some run lacks, or has in another width, is left out; so are the
    directions of runs that are all of different language models, unless the policy aligns them.

    Raises:
        InvalidInputError: a run lacks a view that was asked for, the widths or the models differ,
            or no view is left.
    """
    asked = policy.views
    if ACTIVATIONS in (asked or ()) and not activations:
        raise InvalidInputError(
            "--view activations compares when latents fire: pass a cache with --activations DIR "
            "(`activations=`)"
        )
    for name in asked or ():
        _check_view(name, runs)
    common = [name for name in runs[0].views if all(name in run.views for run in runs)]
    chosen = [name for name in common if asked is None or name in asked]
    if policy.align in FITTED_ALIGNMENTS:
        _check_can_fit(policy, runs, chosen, activations=activations)
        same = chosen
    else:
        same = [name for name in chosen if len(_widths(name, runs)) == 1]
    if chosen != same and (asked is not None or not (same or activations)):
        raise InvalidInputError(_different_spaces(next(n for n in chosen if n not in same), runs))
    if same and policy.align == "none" and all_of_different_models(runs):
        if asked is not None or not activations:
            raise InvalidInputError(_different_models(same, runs))
        same = []
    views = direction_views(same, absolute=policy.absolute, device=device)
    if activations and (asked is None or ACTIVATIONS in asked):
        views = (*views, FiringView(policy.measure, policy.absolute))
    if not views:
        raise InvalidInputError("the runs have no view in common that was asked for")
    return views


def all_of_different_models(runs: Sequence[Dictionary]) -> bool:
    """Whether no two runs may be of one language model: of a model without a name any may be."""
    return all(
        same_model(a.key.model_name, b.key.model_name) is False for a, b in combinations(runs, 2)
    )


def _check_can_fit(
    policy: Policy, runs: Sequence[Dictionary], names: Sequence[str], *, activations: bool
) -> None:
    if len(runs) != 2 or not activations or not all(run.views for run in runs):
        raise InvalidInputError(
            f"--align {policy.align} fits a map between two models to their activations on the "
            "same texts: compare two runs, with --activations DIR for each model"
        )
    for run in runs:
        if "decoder" in names and (run.W_skip is not None or run.d_in != run.d_out):
            raise InvalidInputError(
                f"{run.source.name} writes elsewhere than it reads (a transcoder), and a map is "
                f"fitted where it reads: with --align {policy.align} give --view "
                "encoder,activations"
            )


def _different_models(names: Sequence[str], runs: Sequence[Dictionary]) -> str:
    models = " and ".join(f"{run.key.model_name} ({run.source.name})" for run in runs[:2])
    return (
        f"the runs are of different models, {models}: their directions ({', '.join(names)}) share "
        "no space. Compare what fires when, with --view activations and --activations DIR for each "
        "model; or, where the models are known to share one space (one fine-tuned from the other), "
        "say --align shared; or compare directions through a map fitted to both models on the same "
        "texts, with --align rotation and --activations DIR for each model"
    )


def _check_view(name: str, runs: Sequence[Dictionary]) -> None:
    for run in runs:
        if name not in (*run.views, ACTIVATIONS):
            raise InvalidInputError(
                f"--view {name}: {run.source.name} has no such view (it has "
                f"{', '.join(run.views) or 'codes alone'})"
            )


def _widths(name: DirectionName, runs: Sequence[Dictionary]) -> dict[int, str]:
    """The widths of the runs' rows, each with the name of the first run that has it."""
    widths: dict[int, str] = {}
    for run in runs:
        widths.setdefault(run.directions(name).shape[1], run.source.name)
    return widths


def _different_spaces(name: DirectionName, runs: Sequence[Dictionary]) -> str:
    widths = " and ".join(f"{width} in {run}" for width, run in _widths(name, runs).items())
    return (
        f"the runs live in different spaces: {name} rows have width {widths}; directions can only "
        "be compared within one model and hook; what fires when can, with --activations DIR for "
        "each model and hook"
    )
