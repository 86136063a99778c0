"""Figures of one comparison, drawn from its saved tables."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from universality.figures.style import COLOURS, LABELS, legend, plain
from universality.results import Comparison

BINS = np.linspace(0, 1, 51)
"""Edges of the histogram bins; every edge is a threshold of the saved curves."""


def share_against_threshold(comparison: Comparison, ax: Axes) -> Axes:
    """Share of one-to-one pairs whose similarity reaches each threshold, beside the null's band.

    Solid: observed. Dashed with a band of two standard deviations of a draw: the null.
    """
    curves = comparison.curves[comparison.curves["rule"] == "assignment"]
    policy = comparison.summary["policy"]
    for view, curve in curves.groupby("view", sort=False):
        colour, x = COLOURS[str(view)], curve["threshold"]
        ax.plot(x, curve["fraction"], color=colour, label=LABELS[str(view)])
        ax.plot(x, curve["null_fraction"], color=colour, linestyle="--", linewidth=1)
        low, high = (curve["null_fraction"] + sign * 2 * curve["null_sd"] for sign in (-1, 1))
        ax.fill_between(x, low.clip(0, 1), high.clip(0, 1), color=colour, alpha=0.25, linewidth=0)
    ax.plot([], [], color=COLOURS["null"], linestyle="--", label=f"null ({policy['null']}), ±2 sd")
    ax.axvline(policy["threshold"], color=COLOURS["null"], linestyle=":", linewidth=1)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    legend(ax)
    return plain(ax, x=f"threshold ({_similarity_name(comparison)})", y="share of matched pairs")


def matched_similarity(comparison: Comparison, ax: Axes) -> Axes:
    """Histogram of the similarity of assigned pairs in each view, beside the null's."""
    for view, pairs in comparison.pairs.groupby("view", sort=False):
        colour = COLOURS[str(view)]
        weights = np.full(len(pairs), 1 / len(pairs))
        ax.hist(
            pairs["similarity"].clip(0, 1),
            BINS,
            weights=weights,
            color=colour,
            alpha=0.45,
            label=LABELS[str(view)],
        )
        ax.stairs(
            _null_histogram(comparison, str(view)), BINS, color=colour, linestyle="--", linewidth=1
        )
    null = comparison.summary["policy"]["null"]
    ax.plot([], [], color=COLOURS["null"], linestyle="--", label=f"null ({null})")
    ax.set_xlim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    legend(ax)
    return plain(
        ax, x=f"{_similarity_name(comparison)} of matched pairs", y="share of pairs per bin"
    )


def decoder_against_encoder(comparison: Comparison, ax: Axes) -> Axes:
    """Decoder against encoder similarity of the pairs that the decoder assignment made.

    Coloured by whether the encoder assignment made the same pair.
    """
    pairs = comparison.pairs[comparison.pairs["view"] == "decoder"]
    threshold = comparison.summary["policy"]["threshold"]
    for agrees, colour, label in (
        (False, COLOURS["encoder"], "encoder names another partner"),
        (True, COLOURS["decoder"], "encoder names the same partner"),
    ):
        some = pairs[pairs["same_partner_encoder"] == agrees]
        ax.scatter(
            some["similarity_decoder"],
            some["similarity_encoder"],
            s=4,
            alpha=0.4,
            linewidths=0,
            color=colour,
            label=f"{label} ({len(some):,})",
            rasterized=True,
        )
    for line in (ax.axvline, ax.axhline):
        line(threshold, color=COLOURS["null"], linestyle=":", linewidth=1)
    legend(ax, loc="upper left", markerscale=3)
    name = _similarity_name(comparison)
    return plain(ax, x=f"decoder {name} of the pair", y=f"encoder {name} of the pair")


def _null_histogram(comparison: Comparison, view: str) -> np.ndarray:
    curves = comparison.curves
    curve = curves[(curves["view"] == view) & (curves["rule"] == "assignment")]
    reaching = np.interp(BINS, curve["threshold"], curve["null_fraction"])
    reaching[0], reaching[-1] = 1, 0
    return np.asarray(-np.diff(reaching))


def _similarity_name(comparison: Comparison) -> str:
    return "cosine" if comparison.summary["policy"]["signed"] else "absolute cosine"
