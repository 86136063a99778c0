"""The figures of the study this project began with, from saved results and with their nulls.

python -m data_visualization.original_study COMPARISON... [--stability RESULT] [--out FOLDER]

The set of migerovitch/universal-features: mean max cosine against the ratio of widths, in both
directions; the same over hooks; firing frequencies of every run; the matrix of runs. COMPARISON are
folders that `universality compare` wrote, RESULT one that `universality stability` wrote.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from universality import figures
from universality.results import Comparison, read_comparison, read_stability


def ratio_table(comparisons: Sequence[Comparison], view: str = "decoder") -> pd.DataFrame:
    """Saved greedy means by ratio of widths and direction, narrow to wide and back."""
    rows = []
    for comparison in comparisons:
        summary = comparison.summary
        widths = summary["a"]["d_sae"], summary["b"]["d_sae"]
        means = summary["views"][view]["greedy"]
        up, down = ("a_to_b", "b_to_a") if widths[0] <= widths[1] else ("b_to_a", "a_to_b")
        for direction, key in (("narrow to wide", up), ("wide to narrow", down)):
            rows.append(
                {
                    "ratio": max(widths) / min(widths),
                    "direction": direction,
                    "value": means[key]["mean"],
                    "null_value": means[key]["null_mean"],
                    "hook": summary["a"]["hook_name"] or "unknown hook",
                    "runs": f"{summary['a']['name']}, {summary['b']['name']}",
                }
            )
    return pd.DataFrame(rows)


def panels(comparisons: Sequence[Comparison]) -> dict[str, Callable[[Axes], Axes]]:
    """The figures that the comparisons can fill, by name."""
    table = ratio_table(comparisons)
    by_ratio = partial(figures.similarity_against_ratio, table, name="mean max cosine")
    bars = table.rename(columns={"value": "mean max cosine"})
    by_hook = partial(
        figures.grouped_bars, bars, x="runs", group="direction", y="mean max cosine",
        null="null_value",
    )  # fmt: skip
    found = {"mcs_against_ratio": by_ratio, "mcs_by_pair": by_hook}
    for comparison in comparisons:
        for side, latents in (("a", comparison.latents_a), ("b", comparison.latents_b)):
            if "frequency" in latents:
                name = comparison.summary[side]["name"]
                found[f"frequency_{name}"] = partial(
                    figures.frequency_histogram, latents["frequency"], label=name
                )
    return found


def main() -> None:
    """Read saved results and write each figure with its numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparisons", type=Path, nargs="+")
    parser.add_argument("--stability", type=Path)
    parser.add_argument("--out", type=Path, default=Path("original_study"))
    given = parser.parse_args()
    drawn = panels([read_comparison(folder) for folder in given.comparisons])
    if given.stability is not None:
        drawn["run_matrix"] = partial(figures.pair_matrix, read_stability(given.stability))
    figures.write_figures(drawn, given.out)


if __name__ == "__main__":
    main()
