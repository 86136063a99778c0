"""Several results on one axis: the curves of each, by the name of its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from universality.errors import InvalidInputError
from universality.figures.direct_names import name_lines
from universality.figures.style import (
    AXES,
    LABELS,
    MANY_RUNS,
    SERIES,
    TWO_RUNS,
    plain_axes,
    thin,
)
from universality.results import Comparison, SavedResult, Stability, withdrawal
from universality.validation import TEXT, Mapped, either, takes


@takes(results=Mapped(either(TWO_RUNS, MANY_RUNS)))
def figures_together(results: Mapping[str, SavedResult]) -> dict[str, Callable[[Axes], Axes]]:
    """The figures that set several results on one axis, by name.

    Raises:
        InvalidInputError: the results are not of one kind, of two runs or of many, or have no view
            in common.
    """
    compared = {name: one for name, one in results.items() if isinstance(one, Comparison)}
    studied = {name: one for name, one in results.items() if isinstance(one, Stability)}
    if len(compared) == len(results):
        views = _common([list(one.summary["views"]) for one in compared.values()])
        return {
            f"shares_together_{view}": partial(shares_together, compared, view=view)
            for view in views
        }
    if len(studied) == len(results):
        rules = _common([list(one.summary["only_in_one_by_view"]) for one in studied.values()])
        return {
            f"only_in_one_together_{rule}": partial(only_in_one_together, studied, view=rule)
            for rule in rules
        }
    raise InvalidInputError(
        "results on one axis must all be of two runs, or all of many runs; draw the others by "
        "themselves"
    )


@takes(results=Mapped(TWO_RUNS), ax=AXES, view=TEXT)
def shares_together(results: Mapping[str, Comparison], ax: Axes, *, view: str) -> Axes:
    """Share of one-to-one pairs of several comparisons that reach each threshold, with each null.

    Solid: observed. Dashed in the same colour: the null of that comparison.

    Raises:
        InvalidInputError: a comparison lacks the view.
    """
    for (name, comparison), colour in zip(results.items(), _colours(len(results)), strict=True):
        curves = comparison.curves
        curve = curves[(curves["view"] == view) & (curves["rule"] == "assignment")]
        if curve.empty:
            raise InvalidInputError(f"{name} has no view {view!r}")
        x = curve["threshold"]
        ax.plot(x, curve["fraction"], color=colour, label=_marked(name, comparison))
        null = ax.plot(x, curve["null_fraction"], "--", color=colour, linewidth=thin())[0]
        null.set(gid=f"null, {name}", label="null of each")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    name_lines(ax, columns=1)
    return plain_axes(ax, x=f"threshold ({LABELS[view]})", y="share of matched pairs")


@takes(results=Mapped(MANY_RUNS), ax=AXES, view=TEXT)
def only_in_one_together(results: Mapping[str, Stability], ax: Axes, *, view: str) -> Axes:
    """Share of latents in one run only, against the number of runs, of several studies.

    Dashed in the same colour: the null of that study.

    Raises:
        InvalidInputError: a study lacks the rule.
    """
    for (name, stability), colour in zip(results.items(), _colours(len(results)), strict=True):
        rows = stability.summary["only_in_one_by_view"].get(view)
        if rows is None:
            raise InvalidInputError(f"{name} has no rule {view!r}")
        x = [row["n_runs"] for row in rows]
        observed = [row["fraction"] for row in rows]
        ax.plot(x, observed, "o-", color=colour, markersize=3, label=_marked(name, stability))
        nulls = [row.get("null", float("nan")) for row in rows]
        null = ax.plot(x, nulls, "--", color=colour, linewidth=thin())[0]
        null.set(gid=f"null, {name}", label="null of each")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylim(0, 1.02)
    name_lines(ax, columns=1)
    return plain_axes(ax, x="number of runs compared", y=f"share in one run only ({LABELS[view]})")


def _common(views: list[list[str]]) -> list[str]:
    found = [view for view in views[0] if all(view in others for others in views)]
    if not found:
        raise InvalidInputError("these results have no view in common, so nothing to set beside")
    return found


def _marked(name: str, result: Comparison | Stability) -> str:
    """The name, and where a failed check voids the result, that it does."""
    return f"{name} (void: a check failed)" if withdrawal(result.summary) else name


def _colours(n: int) -> list[str]:
    return [SERIES[i % len(SERIES)] for i in range(n)]
