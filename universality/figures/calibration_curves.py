"""Figures of how sure the p-values are, from tables that calibration studies save."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from universality.figures.direct_names import name_lines
from universality.figures.style import AXES, COLOURS, SERIES, TABLE, plain_axes, thin
from universality.validation import TEXT, Number, takes


@takes(table=TABLE, ax=AXES, target=Number(0, 1))
def power(table: pd.DataFrame, ax: Axes, *, target: float = 0.05) -> Axes:
    """Share of planted latents found above chance, against their cosine.

    The table has the columns `fraction` (planted), `cosine` and `power`; one line per fraction. The
    line below is the share that the false discovery rate `target` allows where nothing is planted.
    """
    for (fraction, cell), colour in zip(table.groupby("fraction"), SERIES, strict=False):
        label = f"{fraction:.0%} shared"
        ax.plot(cell["cosine"], cell["power"], "o-", markersize=3, color=colour, label=label)
    line = ax.axhline(target, color=COLOURS["null"], linestyle="--", linewidth=thin())
    line.set_label(f"null, at most {target:.0%}")
    ax.set_ylim(-0.02, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    name_lines(ax)
    return plain_axes(ax, x="planted cosine", y="planted latents found")


@takes(table=TABLE, ax=AXES, least_power=Number(0, 1))
def false_discoveries(table: pd.DataFrame, ax: Axes, *, least_power: float = 0.5) -> Axes:
    """False discovery proportion over the bound it must keep, with two standard errors.

    The table has the columns of `power`, `false_discovery_proportion`, `standard_error`, `bound`;
    cells that find fewer than `least_power` of what is planted are left out.
    """
    for (fraction, cell), colour in zip(table.groupby("fraction"), SERIES, strict=False):
        seen = cell[cell["power"] > least_power]
        y = seen["false_discovery_proportion"] / seen["bound"]
        spread = 2 * seen["standard_error"] / seen["bound"]
        ax.vlines(seen["cosine"], y - spread, y + spread, color=colour, linewidth=thin())
        ax.plot(seen["cosine"], y, "o", markersize=3, color=colour, label=f"{fraction:.0%} shared")
    line = ax.axhline(1, color=COLOURS["null"], linestyle="--", linewidth=thin())
    line.set_label("bound")
    ax.set_ylim(bottom=0)
    name_lines(ax)
    return plain_axes(ax, x="planted cosine", y="false discoveries / bound")


@takes(table=TABLE, ax=AXES, series=TEXT)
def p_value_levels(table: pd.DataFrame, ax: Axes, *, series: str = "world") -> Axes:
    """Share of p-values at most each level where nothing is shared, against the level.

    The table has the columns `level`, `share` and the one that `series` names. Calibrated p-values
    lie on the diagonal, cautious ones below it.
    """
    for (name, cell), colour in zip(table.groupby(series, sort=False), SERIES, strict=False):
        ax.plot(cell["level"], cell["share"], "o-", markersize=3, color=colour, label=str(name))
    ends = np.array([table["level"].min(), table["level"].max()])
    ax.plot(ends, ends, color=COLOURS["null"], linestyle="--", linewidth=thin(), label="uniform")
    ax.set_xscale("log")
    ax.set_yscale("log")
    name_lines(ax)
    return plain_axes(ax, x="level", y="share of p-values at or below")
