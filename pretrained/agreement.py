"""How far two seeds agree along training: a table and a picture.

A flat reconstruction error is not a flat agreement; this is where one sees it.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

import universality as un


def agreement_along_training(a: Path, b: Path) -> pd.DataFrame:
    """One row per checkpoint that both runs saved: how the best assignment of decoder rows does.

    Columns: `n_tokens`; `mean_cosine` of the assigned pairs; `share_above_0.7` of them; `fvu_a`,
    `fvu_b` on the training batches up to that point.
    """
    steps = sorted(
        {int(folder.name) for folder in (a / "checkpoints").iterdir()}
        & {int(folder.name) for folder in (b / "checkpoints").iterdir()}
    )
    return pd.DataFrame([_agreement(a, b, step) for step in steps])


def draw_agreement(table: pd.DataFrame, upper: Axes, lower: Axes) -> None:
    """Agreement above, reconstruction error below, against presentations."""
    millions = table["n_tokens"] / 1e6
    upper.plot(millions, table["mean_cosine"], marker="o", label="mean cosine of assigned pairs")
    upper.plot(millions, table["share_above_0.7"], marker="s", label="share of pairs above 0.7")
    upper.set(ylabel="agreement of two seeds", ylim=(0, 1))
    upper.legend(loc="lower right", frameon=False)
    lower.plot(millions, table["fvu_a"], marker="o", label="seed 0")
    lower.plot(millions, table["fvu_b"], marker="s", label="seed 1")
    lower.set(xlabel="tokens shown (millions)", ylabel="FVU", ylim=(0, 1.15 * table["fvu_a"].max()))
    lower.legend(loc="lower right", frameon=False)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)


def write_agreement(a: Path, b: Path, out: Path) -> None:
    """Write `agreement.csv` and `agreement.png` into `out`."""
    table = agreement_along_training(a, b)
    table.to_csv(out / "agreement.csv", index=False, float_format="%.6f", lineterminator="\n")
    figure = plt.figure(figsize=(6, 5.5), layout="constrained")
    panels = figure.add_gridspec(2, height_ratios=[3, 2])
    upper = figure.add_subplot(panels[0])
    draw_agreement(table, upper, figure.add_subplot(panels[1], sharex=upper))
    figure.savefig(out / "agreement.png", dpi=120)
    plt.close(figure)


def _agreement(a: Path, b: Path, n_tokens: int) -> dict[str, float]:
    decoders = [un.load(run / "checkpoints" / str(n_tokens)).directions() for run in (a, b)]
    matching = un.match(*decoders, progress=False)
    return {
        "n_tokens": n_tokens,
        "mean_cosine": float(matching.similarity.mean()),
        "share_above_0.7": float((matching.similarity >= 0.7).mean()),
        "fvu_a": _fvu(a, n_tokens),
        "fvu_b": _fvu(b, n_tokens),
    }


def _fvu(run: Path, n_tokens: int) -> float:
    history = json.loads((run / "training_record.json").read_text())["history"]
    return next(float(p["fvu"]) for p in reversed(history) if p["n_tokens"] <= n_tokens)
