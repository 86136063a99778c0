"""Figures of the latents and the pairs of one comparison, a point or a count each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from universality.figures.direct_names import name_lines
from universality.figures.style import (
    AXES,
    COLOURS,
    LABELS,
    TWO_RUNS,
    dot,
    needs,
    plain_axes,
    thin,
)
from universality.figures.two_runs import null_label, own_runs, similarity_name
from universality.figures.withdrawal import drawing
from universality.results import Comparison, null_name

BINS = np.linspace(0, 1, 51)
"""Edges of the histogram bins; every edge is a threshold of the saved curves."""

LEAST_P = 1e-30
"""Below this p-values are counted in words."""

_ROOM = 1.3
"""Height of the axes over the tallest bin that was observed."""


def _has(*views: str) -> Callable[[Comparison], bool]:
    return lambda comparison: set(views) <= set(comparison.summary["views"])


@drawing(comparison=TWO_RUNS, ax=AXES)
def matched_similarity(comparison: Comparison, ax: Axes) -> Axes:
    """Outlines of the similarity of assigned pairs in each view, beside the null's and the floor's.

    Dashed: the null. Dotted: what different latents of one run have, the mean of both runs. The
    axes are as high as what was observed; how far a null goes beyond is written at its place.
    """
    tallest = 0.0
    nulls: dict[str, np.ndarray] = {}
    own = own_runs(comparison.curves)
    for view, pairs in comparison.pairs.groupby("view", sort=False):
        colour, name = COLOURS[str(view)], LABELS[str(view)]
        counts, _ = np.histogram(pairs["similarity"].clip(0, 1), BINS)
        observed = ax.stairs(counts / len(pairs), BINS, color=colour, label=name)
        observed.set_linewidth(1.2 * thin())
        null = _histogram_of(comparison, str(view), "null_fraction")
        dashed = ax.stairs(null, BINS, color=colour, linestyle="--", linewidth=thin())
        dashed.set(gid=f"null, {name}", label=null_label(comparison, str(view)))
        nulls[str(view)] = null
        if own:
            each = [_histogram_of(comparison, str(view), f"own_{run}_fraction") for run in own]
            dotted = ax.stairs(
                np.mean(each, axis=0), BINS, color=colour, linestyle=":", linewidth=0.7 * thin()
            )
            dotted.set(gid=f"one run, {name}", label="latents of one run")
        tallest = max(tallest, float((counts / len(pairs)).max()))
    ax.set_ylim(0, _ROOM * tallest)
    beyond = {view: null for view, null in nulls.items() if null.max() > _ROOM * tallest}
    for place, (view, null) in enumerate(beyond.items()):
        text = f"null, {LABELS[view]}: up to {null.max():.0%}"
        y = 0.97 - 0.08 * place
        ax.text(0.99, y, text, color=COLOURS[view], transform=ax.transAxes, ha="right", va="top")
    ax.set_xlim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    name_lines(ax, columns=2)
    x = f"{similarity_name(comparison)} of matched pairs"
    return plain_axes(ax, x=x, y="share of pairs per bin of 0.02")


@drawing(comparison=TWO_RUNS, ax=AXES)
@needs(
    "the views decoder and encoder",
    _has("decoder", "encoder"),
)
def decoder_against_encoder(comparison: Comparison, ax: Axes) -> Axes:
    """Decoder against encoder similarity of the pairs that the decoder assignment made.

    Coloured by whether the encoder assignment made the same pair.
    """
    return _view_against_view(comparison, ax, "decoder", other="encoder")


@drawing(comparison=TWO_RUNS, ax=AXES)
@needs(
    "the views decoder and activations",
    _has("decoder", "activations"),
)
def decoder_against_activations(comparison: Comparison, ax: Axes) -> Axes:
    """Decoder similarity against activation correlation of the decoder's assigned pairs.

    Coloured by whether the assignment by activations made the same pair.
    """
    return _view_against_view(comparison, ax, "decoder", other="activations")


@drawing(comparison=TWO_RUNS, ax=AXES)
@needs("how often latents fire", lambda result: "frequency" in result.latents_a)
def similarity_against_frequency(comparison: Comparison, ax: Axes) -> Axes:
    """Similarity of each latent of a to its partner against how often the latent fires."""
    view = next(iter(comparison.summary["views"]))
    latents = comparison.latents_a
    fires = latents[latents["alive"] & (latents["frequency"] > 0)]
    ax.scatter(
        fires["frequency"],
        fires[f"partner_similarity_{view}"],
        s=dot(),
        alpha=0.4,
        linewidths=0,
        color=COLOURS[view],
        label=f"latents of a ({len(fires):,})",
        rasterized=True,
    )
    null = comparison.summary["views"][view]["assignment"]["null_mean"]
    policy = comparison.summary["policy"]
    line = ax.axhline(null, color=COLOURS["null"], linestyle="--", linewidth=thin())
    line.set_label(f"null mean ({null_name(comparison.summary, view)})")
    ax.axhline(
        policy["threshold"], color=COLOURS["null"], linestyle=":", linewidth=thin()
    ).set_label("threshold")
    ax.set_xscale("log")
    ax.set_ylim(top=1.02)
    name_lines(ax, markerscale=3)
    y = f"{LABELS[view]} {similarity_name(comparison)} to the partner"
    return plain_axes(ax, x="firing frequency (share of tokens)", y=y)


@drawing(comparison=TWO_RUNS, ax=AXES)
def p_value_calibration(comparison: Comparison, ax: Axes) -> Axes:
    """Share of the latents of a whose p-value, or bound on it, is at most p, against p.

    Runs that share nothing follow the diagonal or stay below it; the further above it, the more is
    shared. A line begins at the share that lies below the axis.
    """
    latents = comparison.latents_a[comparison.latents_a["alive"]]
    for view in comparison.summary["views"]:
        name = next((n for n in (f"p_value_{view}", f"p_bound_{view}") if n in latents), None)
        if name is None:
            continue
        p = latents[name].fillna(1.0)
        below = float((p < LEAST_P).mean())
        label = f"{LABELS[view]} ({below:.0%} below {LEAST_P:.0e})" if below else LABELS[view]
        ax.ecdf(p.clip(lower=LEAST_P), color=COLOURS[view], label=label)
    uniform = np.geomspace(LEAST_P, 1, 50)
    ax.plot(uniform, uniform, color=COLOURS["null"], linestyle="--", label="nothing shared")
    ax.set_xscale("log")
    ax.set_xlim(LEAST_P, 1)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    name_lines(ax, columns=1)
    return plain_axes(ax, x="p-value of the nearest latent", y="share of latents at or below")


def _view_against_view(comparison: Comparison, ax: Axes, view: str, *, other: str) -> Axes:
    pairs = comparison.pairs[comparison.pairs["view"] == view]
    threshold = comparison.summary["policy"]["threshold"]
    for agrees, colour, which in (
        (False, COLOURS["encoder"], "another"),
        (True, COLOURS["decoder"], "the same"),
    ):
        some = pairs[pairs[f"same_partner_{other}"] == agrees]
        ax.scatter(
            some[f"similarity_{view}"],
            some[f"similarity_{other}"],
            s=dot(),
            alpha=0.4,
            linewidths=0,
            color=colour,
            label=f"{LABELS[other]}: {which} partner ({len(some):,})",
            rasterized=True,
        )
    for line, of in ((ax.axvline, view), (ax.axhline, other)):
        line(threshold, color=COLOURS["null"], linestyle=":", linewidth=thin()).set(
            gid="threshold", label="threshold"
        )
        null = comparison.summary["views"][of]["assignment"]["null_mean"]
        mean = line(null, color=COLOURS["null"], linestyle="--", linewidth=thin())
        mean.set(gid=f"null mean, {LABELS[of]}", label="null means")
    name_lines(ax, columns=1, markerscale=3)
    name = similarity_name(comparison)
    correlation = "correlation" if other == "activations" else name
    return plain_axes(
        ax, x=f"{LABELS[view]} {name} of the pair", y=f"{LABELS[other]} {correlation} of the pair"
    )


def _histogram_of(comparison: Comparison, view: str, column: str) -> np.ndarray:
    """Share of pairs in each bin, from the share that reaches each threshold."""
    curves = comparison.curves
    curve = curves[(curves["view"] == view) & (curves["rule"] == "assignment")]
    reaching = np.interp(BINS, curve["threshold"], curve[column])
    reaching[0], reaching[-1] = 1, 0
    return np.asarray(-np.diff(reaching))
