"""One run more: what is drawn is what the tables hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.made_results import made_stability
from universality import figures
from universality.errors import InvalidInputError


def test_every_k_is_a_dot_at_its_chance_and_its_share_with_its_count() -> None:
    ax = figures.reappearance_reliability(made_stability(), Figure().subplots())
    dots = np.asarray(ax.collections[-1].get_offsets())
    assert dots == pytest.approx(np.array([[1 / 3, 1 / 3], [2 / 3, 2 / 3 + 0.05]]))
    assert [text.get_text() for text in ax.texts][:2] == ["k = 1 (30)", "k = 2 (60)"]


def test_what_is_estimated_is_dashed_and_begins_where_counting_ends() -> None:
    ax = figures.coverage_against_runs(made_stability(), Figure().subplots())
    counted, beyond, null = ax.lines[:3]
    assert list(counted.get_xdata()) == [1, 2]
    assert beyond.get_linestyle() == "--"
    assert list(beyond.get_xdata()) == [2, 3, 4, 5, 6]
    assert list(beyond.get_ydata())[-1] == pytest.approx(0.7)
    assert null.get_linestyle() == ":"


def test_results_without_it_are_refused() -> None:
    bare = replace(made_stability(), left_out=None, census=None)
    for draw in (figures.reappearance_reliability, figures.coverage_against_runs):
        with pytest.raises(InvalidInputError, match="needs"):
            draw(bare, Figure().subplots())
    assert not {"reappearance_reliability", "coverage_against_runs"} & set(figures.figures_of(bare))
