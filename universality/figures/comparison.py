"""Figures of one comparison as a whole, drawn from its summary and curves."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from universality.figures.style import (
    COLOURS,
    LABELS,
    SERIES,
    legend_above,
    null_ticks,
    plain,
    thin,
)
from universality.results import Comparison, null_name, null_names

RULES = {"greedy_ab": "greedy, a to b", "greedy_ba": "greedy, b to a", "assignment": "one to one"}
"""How each matching rule is called in a figure."""

FATES = ("kept", "kept, split", "merged", "unique", "dead")
"""What becomes of a latent in the other run, in the order of the bar."""


def share_against_threshold(comparison: Comparison, ax: Axes) -> Axes:
    """Share of one-to-one pairs whose similarity reaches each threshold, beside the null's band.

    Solid: observed. Dashed with a band of two standard deviations of a draw: the null.
    """
    curves = comparison.curves[comparison.curves["rule"] == "assignment"]
    policy = comparison.summary["policy"]
    for view, curve in curves.groupby("view", sort=False):
        colour, x, name = COLOURS[str(view)], curve["threshold"], LABELS[str(view)]
        ax.plot(x, curve["fraction"], color=colour, label=name)
        null = ax.plot(x, curve["null_fraction"], color=colour, linestyle="--", linewidth=thin())[0]
        low, high = (curve["null_fraction"] + sign * 2 * curve["null_sd"] for sign in (-1, 1))
        band = ax.fill_between(
            x, low.clip(0, 1), high.clip(0, 1), color=colour, alpha=0.25, linewidth=0
        )
        null.set_gid(f"null, {name}")
        band.set_gid(f"null ±2 sd, {name}")
    dashed_nulls(comparison, ax, more=", ±2 sd")
    line = ax.axvline(policy["threshold"], color=COLOURS["null"], linestyle=":", linewidth=thin())
    line.set_gid("threshold")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    legend_above(ax, columns=2)
    return plain(ax, x=f"threshold ({similarity_name(comparison)})", y="share of matched pairs")


def means_beside_null(comparison: Comparison, ax: Axes) -> Axes:
    """Mean similarity of each view by each matching rule, with a tick where the null lies."""
    views = comparison.summary["views"]
    width = 0.8 / len(views)
    for place, (view, found) in enumerate(views.items()):
        means = _means(found)
        x = [i + (place - (len(views) - 1) / 2) * width for i in range(len(RULES))]
        bars = ax.bar(
            x,
            [mean["mean"] for mean in means],
            width * 0.92,
            color=COLOURS[view],
            label=LABELS[view],
        )
        ticks = null_ticks(ax, x, [mean["null_mean"] for mean in means], width=width)
        ticks.set_gid(f"null, {LABELS[view]}")
        ax.bar_label(bars, fmt="%.2f", fontsize="small", padding=1)
    ax.plot([], [], color="black", label=f"null ({null_names(comparison.summary)})")
    ax.set_xticks(range(len(RULES)), [name.replace(", ", ",\n") for name in RULES.values()])
    ax.set_ylim(0, 1.05)
    legend_above(ax, columns=2 if len(views) > 2 else 3)
    plain(ax, x="matching rule", y=f"mean {similarity_name(comparison)}")
    ax.grid(visible=False, axis="x")
    return ax


def fates(comparison: Comparison, ax: Axes) -> Axes:
    """What becomes of the latents of each run in the other, at the threshold of the comparison.

    Kept: its one-to-one partner reaches the threshold (split: and it is the nearest latent of
    several of the other run). Merged: its nearest reaches it, its partner does not. Unique:
    nothing does. Dead: took no part. By the decoder, or the only view there is.
    """
    view = next(iter(comparison.summary["views"]))
    threshold = comparison.summary["policy"]["threshold"]
    counts = [
        _fates(own, other, view=view, threshold=threshold)
        for own, other in (
            (comparison.latents_a, comparison.latents_b),
            (comparison.latents_b, comparison.latents_a),
        )
    ]
    left = [0, 0]
    colours = (SERIES[2], SERIES[4], SERIES[1], SERIES[3], "#BBBBBB")
    for fate, colour in zip(FATES, colours, strict=True):
        widths = [int(count[fate]) for count in counts]
        bars = ax.barh(["a", "b"], widths, left=left, color=colour, label=fate, height=0.7)
        room = 0.08 * max(len(comparison.latents_a), len(comparison.latents_b))
        texts = [f"{width:,}" if width > room else "" for width in widths]
        ax.bar_label(bars, texts, label_type="center", fontsize="small", color="black")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    ax.invert_yaxis()
    legend_above(ax, columns=5, handlelength=0.8)
    x = f"latents ({LABELS[view]} {similarity_name(comparison)} at least {threshold:g})"
    plain(ax, x=x, y="run")
    ax.grid(visible=False, axis="y")
    return ax


def dashed_nulls(comparison: Comparison, ax: Axes, *, more: str = "") -> None:
    """One entry in the legend for each null: in the colour of its view, or grey for several."""
    views_of: dict[str, list[str]] = {}
    for view in comparison.summary["views"]:
        views_of.setdefault(null_name(comparison.summary, view), []).append(view)
    for name, views in views_of.items():
        alone = len(views) == 1 and len(views_of) > 1
        colour = COLOURS[views[0]] if alone else COLOURS["null"]
        ax.plot([], [], color=colour, linestyle="--", label=f"null ({name}){more}")


def similarity_name(comparison: Comparison) -> str:
    """What the numbers of this comparison are called on an axis."""
    measure = "similarity" if "activations" in comparison.summary["views"] else "cosine"
    return measure if comparison.summary["policy"]["signed"] else f"absolute {measure}"


def _means(found: dict[str, Any]) -> list[dict[str, float]]:
    return [found["greedy"]["a_to_b"], found["greedy"]["b_to_a"], found["assignment"]]


def _fates(own: pd.DataFrame, other: pd.DataFrame, *, view: str, threshold: float) -> pd.Series:
    reach = threshold - 1e-9
    pointing = other[other["alive"] & (other[f"nearest_similarity_{view}"] >= reach)]
    times_nearest = pointing[f"nearest_{view}"].value_counts().reindex(own["latent"], fill_value=0)
    split = times_nearest.to_numpy() > 1
    fate = pd.Series("unique", index=own.index)
    fate[own[f"nearest_similarity_{view}"] >= reach] = "merged"
    kept = own[f"partner_similarity_{view}"] >= reach
    fate[kept] = "kept"
    fate[kept & split] = "kept, split"
    fate[~own["alive"]] = "dead"
    return fate.value_counts().reindex(FATES, fill_value=0)
