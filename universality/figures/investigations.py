"""Figures of one latent under the microscope: firings, proxies, logits, effects, counterparts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from universality.figures.direct_names import name_bars, name_lines
from universality.figures.style import (
    AXES,
    ONE_LATENT,
    SERIES,
    dot,
    legend_above,
    needs,
    plain_axes,
    thin,
)
from universality.figures.withdrawal import drawing
from universality.results.investigated import Investigation

_RATIO_COLOURS = ("#777777", "#BBBBBB", "#F0C27A", "#E69F00", "#B45F06")
_LONGEST = 36
_MEASURES = ("activation", "logit_weights", "attribution", "ablation")


@drawing(result=ONE_LATENT, ax=AXES)
def activation_density(result: Investigation, ax: Axes) -> Axes:
    """How many tokens fire the latent how strongly, on a logarithmic scale.

    With a proxy the bars are coloured by its log-likelihood ratio: grey is against it, dark orange
    clearly for it. The first proxy is drawn.
    """
    bins = _of_subject(result, result.histogram)
    width = bins["high"] - bins["low"]
    if result.ratios is None:
        ax.bar(bins["low"], bins["count"], width=width, align="edge", color=SERIES[0], label="all")
    else:
        _coloured_bars(result, bins, width, ax)
    ax.set_yscale("symlog", linthresh=1)
    ax.set_ylim(bottom=0)
    plain_axes(ax, x=f"activation of {_name(result)}", y="tokens")
    return ax


@drawing(result=ONE_LATENT, ax=AXES)
def activation_weight(result: Investigation, ax: Axes) -> Axes:
    """The same bins weighted by activation: which strengths make up what the latent writes."""
    bins = _of_subject(result, result.histogram)
    share = bins["weight"] / (bins["weight"].sum() or 1)
    width = bins["high"] - bins["low"]
    ax.bar(bins["low"], share, width=width, align="edge", color=SERIES[0], label="share")
    return plain_axes(ax, x=f"activation of {_name(result)}", y="share of all activation")


@drawing(result=ONE_LATENT, ax=AXES)
@needs("proxies", lambda result: result.proxy_groups is not None)
def precision_by_interval(result: Investigation, ax: Axes) -> Axes:
    """The share of firings that are each proxy's, by intervals of equal width."""
    groups = _of_subject(result, _there(result.proxy_groups))
    groups = groups[groups["rule"] == "interval"]
    edges = _of_subject(result, result.groups)
    edges = edges[edges["rule"] == "interval"]
    middle = (edges["low"] + edges["high"]) / 2
    for number, (proxy, rows) in enumerate(groups.groupby("proxy", sort=False)):
        colour = SERIES[number % len(SERIES)]
        ax.plot(
            middle,
            rows["precision"],
            color=colour,
            marker="o",
            markersize=3,
            label=_short(str(proxy)),
        )
    ax.set_ylim(-0.02, 1.02)
    plain_axes(ax, x=f"activation of {_name(result)}", y="share that is the proxy's")
    name_lines(ax)
    return ax


@drawing(result=ONE_LATENT, ax=AXES)
@needs("logit weights", lambda result: result.logits is not None)
def logit_weight_histogram(result: Investigation, ax: Axes) -> Axes:
    """Logit weights of the latent and its counterparts over the tokens that the texts have."""
    logits = _there(result.logits)
    weights = logits[logits["n_occurrences"] > 0]
    low, high = weights["weight"].min(), weights["weight"].max()
    bins = np.linspace(low, high if high > low else low + 1, 80).tolist()
    for number, ((run, latent), rows) in enumerate(weights.groupby(["run", "latent"], sort=False)):
        colour = SERIES[number % len(SERIES)]
        label = f"{run} {latent}"
        ax.hist(rows["weight"], bins=bins, histtype="step", color=colour, label=label)
    ax.set_yscale("log")
    plain_axes(ax, x="logit weight", y="tokens of the vocabulary")
    name_lines(ax)
    return ax


@drawing(result=ONE_LATENT, ax=AXES)
@needs("a model", lambda result: result.controls is not None)
def effect_beside_controls(result: Investigation, ax: Axes) -> Axes:
    """What taking a latent away changes, beside random latents of equal frequency and norm."""
    controls = _there(result.controls)
    random = controls[controls["role"] == "control"]
    asked = controls[controls["role"] != "control"]
    kinds = {"mean_size": "total", "mean_direct_size": "direct"}
    for place, column in enumerate(kinds):
        spread = np.linspace(-0.12, 0.12, len(random))
        ax.scatter(place + spread, random[column], s=dot(), color="#777777")
        for number, row in enumerate(asked.to_dict("records")):
            colour = SERIES[number % len(SERIES)]
            named = f"{row['run']} {row['latent']}" if not place else "_again"
            ax.scatter([place], [row[column]], s=6 * dot(), marker="D", color=colour, label=named)
    ax.set_xticks(range(len(kinds)), list(kinds.values()))
    ax.set_xlim(-0.5, len(kinds) - 0.5)
    ax.set_ylim(bottom=0)
    plain_axes(ax, x="effect", y="mean change of log-probability")
    legend_above(ax, columns=2)
    return ax


@drawing(result=ONE_LATENT, ax=AXES)
@needs("another run", lambda result: result.similarities is not None)
def likeness_beside_null(result: Investigation, ax: Axes) -> Axes:
    """Each measure of the latent with its counterpart; the line is the most that chance gave."""
    table = _there(result.similarities)
    names = [one for one in _MEASURES if (table["measure"] == one).any()]
    pairs = list(table.groupby(["run", "latent"], sort=False))
    width = 0.8 / len(pairs)
    for number, ((run, latent), rows) in enumerate(pairs):
        own = rows.set_index("measure").reindex(names)
        places = np.arange(len(names)) + (number - (len(pairs) - 1) / 2) * width
        colour = SERIES[number % len(SERIES)]
        ax.bar(places, own["value"], width=0.9 * width, color=colour, label=f"{run} {latent}")
        left, right = places - 0.45 * width, places + 0.45 * width
        most = ax.hlines(own["null_largest"], left, right, colors="black", linewidth=2 * thin())
        most.set(gid=f"null, {run} {latent}", label="most by chance")
    ax.set_xticks(range(len(names)), [one.replace("_", "\n") for one in names])
    ax.axhline(0, color="#777777", linewidth=thin())
    plain_axes(ax, x="", y="correlation")
    name_bars(ax)
    return ax


@drawing(result=ONE_LATENT, ax=AXES)
@needs("another run", lambda result: result.pair_tokens is not None)
def partner_activations(result: Investigation, ax: Axes) -> Axes:
    """Codes of the latent and of its first counterpart on tokens where either fires."""
    rows = _first_pair(result.pair_tokens)
    ax.scatter(rows["code"], rows["code_partner"], s=dot(), color=SERIES[0], alpha=0.5)
    return plain_axes(ax, x=f"activation of {_name(result)}", y=f"of {_pair_name(rows)}")


@drawing(result=ONE_LATENT, ax=AXES)
@needs("another run and a model", lambda result: result.pair_effects is not None)
def partner_effects(result: Investigation, ax: Axes) -> Axes:
    """What the latent and its first counterpart do to the same next tokens."""
    rows = _first_pair(result.pair_effects)
    for number, (held_out, some) in enumerate(rows.groupby("held_out", sort=True)):
        label = "documents not chosen on" if held_out else "documents chosen on"
        colour = SERIES[number]
        ax.scatter(
            some["total"], some["total_partner"], s=dot(), color=colour, alpha=0.6, label=label
        )
    ax.axline((0, 0), slope=1, color="#777777", linewidth=thin())
    plain_axes(ax, x=f"effect of {_name(result)}", y=f"effect of {_pair_name(rows)}")
    legend_above(ax, columns=2)
    return ax


def _coloured_bars(result: Investigation, bins: pd.DataFrame, width: pd.Series, ax: Axes) -> None:
    ratios = _of_subject(result, _there(result.ratios))
    proxy = ratios["proxy"].iloc[0]
    below = np.zeros(len(bins))
    classes = ratios[ratios["proxy"] == proxy].groupby(["ratio_low", "ratio_high"], sort=True)
    for colour, ((low, high), rows) in zip(_RATIO_COLOURS, classes, strict=True):
        counts = rows.sort_values("bin")["count"].to_numpy()
        label = f"{_end(low)} to {_end(high)}"
        ax.bar(
            bins["low"], counts, width=width, bottom=below, align="edge", color=colour, label=label
        )
        below = below + counts
    legend_above(ax, columns=3, title=f"log ratio, {_short(str(proxy))}")


def _short(name: str) -> str:
    """The name of a proxy, as much of it as a legend holds."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _end(value: float) -> str:
    return f"{value:g}" if np.isfinite(value) else ("-inf" if value < 0 else "inf")


def _there(table: pd.DataFrame | None) -> pd.DataFrame:
    """A table that the figure's own check has found."""
    assert table is not None
    return table


def _of_subject(result: Investigation, table: pd.DataFrame) -> pd.DataFrame:
    return _of(table, result.summary["subjects"][0])


def _first_pair(table: pd.DataFrame | None) -> pd.DataFrame:
    rows = _there(table)
    return _of(rows, rows.iloc[0]) if len(rows) else rows


def _of(table: pd.DataFrame, whose: Any) -> pd.DataFrame:
    own = (table["run"] == whose["run"]) & (table["latent"] == whose["latent"])
    found: pd.DataFrame = table[own]
    return found


def _name(result: Investigation) -> str:
    first: dict[str, Any] = result.summary["subjects"][0]
    return f"{first['run']} {first['latent']}"


def _pair_name(rows: pd.DataFrame) -> str:
    return f"{rows['run'].iloc[0]} {rows['latent'].iloc[0]}" if len(rows) else "its counterpart"
