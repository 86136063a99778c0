"""Figures of tables that studies save."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality import figures


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_the_matrix_puts_alike_runs_side_by_side(ax: Axes) -> None:
    groups = np.array([0, 1, 0, 1, 0])
    values = np.where(groups[:, None] == groups, 0.9, 0.1)
    names = [f"run{i}" for i in range(5)]
    figures.run_matrix(pd.DataFrame(values, index=names, columns=names), ax, name="cosine")
    order = [int(label.get_text()[3:]) for label in ax.get_yticklabels()]
    assert groups[order].tolist() in ([0, 0, 0, 1, 1], [1, 1, 0, 0, 0])
    assert {text.get_text() for text in ax.texts} == {".90", ".10"}
    assert len(ax.texts) == 20


def test_a_matrix_of_many_runs_with_long_names_keeps_colours_and_the_ends_of_names(
    ax: Axes,
) -> None:
    names = [f"a/very/long/folder/of/many/runs/seed{i:02d}" for i in range(13)]
    values = np.random.default_rng(0).random((13, 13))
    matrix = pd.DataFrame(values + values.T, index=names, columns=names)
    figures.run_matrix(matrix, ax, name="cosine", cluster=False)
    assert len(ax.texts) == 0
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert [label[-6:] for label in labels] == [f"seed{i:02d}" for i in range(13)]
    assert all(len(label) <= 25 and label.count("\n") == 1 for label in labels)


def test_missing_pairs_stay_empty(ax: Axes) -> None:
    matrix = pd.DataFrame([[1, 0.5, np.nan], [0.5, 1, 0.25], [np.nan, 0.25, 1]], list("abc"))
    matrix.columns = matrix.index
    figures.run_matrix(matrix, ax, name="cosine")
    assert len(ax.texts) == 4


def test_grouped_bars_have_the_heights_and_nulls_of_the_table(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "layer": [0, 1, 0, 1],
            "model": ["small", "small", "large", "large"],
            "mean": [0.1, 0.2, 0.3, 0.4],
            "null": [0.01, 0.02, 0.03, 0.04],
        }
    )
    figures.grouped_bars(table, ax, x="layer", group="model", y="mean", null="null")
    numbers = figures.plotted_numbers(ax)
    assert numbers.loc[numbers["mark"] == "bar", "value"].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert numbers.loc[numbers["mark"] == "tick", "y"].tolist() == [0.01, 0.02, 0.03, 0.04]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1"]


def test_similarity_against_ratio_draws_both_directions_and_nulls(ax: Axes) -> None:
    table = pd.DataFrame(
        {
            "ratio": [4, 2, 2, 4],
            "direction": ["up", "up", "down", "down"],
            "value": [0.5, 0.6, 0.4, 0.3],
            "null_value": [0.2, 0.15, 0.1, 0.05],
        }
    )
    figures.similarity_against_ratio(table, ax)
    lines = {line.get_gid() or line.get_label(): line for line in ax.get_lines()}
    assert lines["up"].get_xydata().tolist() == [[2, 0.6], [4, 0.5]]
    assert lines["null, down"].get_xydata().tolist() == [[2, 0.1], [4, 0.05]]


def test_frequencies_are_counted_once_and_silent_latents_named(ax: Axes) -> None:
    figures.frequency_histogram(pd.Series([0.0, 0.0, 1e-5, 1e-3, 0.5]), ax)
    assert sum(bar.get_height() for bar in ax.patches) == 3
    assert ax.texts[0].get_text() == "2 of 5\nnever fire"


def test_frequency_bins_reach_down_to_the_least(ax: Axes) -> None:
    figures.frequency_histogram(pd.Series([0.5e-3, 0.2]), ax, least=1e-4)
    edges = [bar.get_x() for bar in ax.patches]
    assert len(edges) == 32
    np.testing.assert_allclose(np.diff(np.log10(edges)), 1 / 8)
    assert ax.get_xlim() == (1e-4, 1)
