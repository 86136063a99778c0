"""Figures of one pair, looked at through their artists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.made_results import made_comparison, made_stability
from universality import figures
from universality.errors import InvalidInputError
from universality.results import Comparison


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return made_comparison()


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


@pytest.mark.parametrize(
    ("draw", "table", "columns", "label"),
    [
        (figures.activation_scatter, "pair_activations", "codes", "activation"),
        (figures.logit_scatter, "pair_logits", "weights", "logit weight"),
    ],
)
def test_points_are_what_was_kept_of_the_pair(
    comparison: Comparison, ax: Axes, draw, table: str, columns: str, label: str
) -> None:
    draw(comparison, ax, pair=(3, 36))
    row = getattr(comparison, table).iloc[3]
    points = np.asarray(ax.collections[0].get_offsets())
    np.testing.assert_array_equal(points[:, 0], row[f"{columns}_a"])
    np.testing.assert_array_equal(points[:, 1], row[f"{columns}_b"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == (f"{label} of a 3", f"{label} of b 36")


def test_the_default_is_the_most_alike_pair(comparison: Comparison, ax: Axes) -> None:
    figures.activation_scatter(comparison, ax)
    assert ax.get_xlabel() == "activation of a 0"
    label = "a 0, b 39: 5 of 12 tokens where either fires"
    assert ax.collections[0].get_label() == label


def test_the_tokens_that_both_raise_most_are_named(comparison: Comparison, ax: Axes) -> None:
    figures.logit_scatter(comparison, ax, pair=(3, 36))
    assert comparison.pair_logits is not None
    row = comparison.pair_logits.iloc[3]
    order = np.argsort(-(row["weights_a"] + row["weights_b"]))[:3]
    assert [text.get_text() for text in ax.texts] == [row["tokens"][i] for i in order]


def test_what_was_not_kept_is_refused(comparison: Comparison, ax: Axes) -> None:
    with pytest.raises(InvalidInputError, match=r"--pair 3,4: nothing was kept.* such as 0,39"):
        figures.activation_scatter(comparison, ax, pair=(3, 4))
    without = Comparison(
        **{
            name: getattr(comparison, name)
            for name in ("summary", "latents_a", "latents_b", "pairs", "curves")
        }
    )
    with pytest.raises(InvalidInputError, match="no logit weights; compare with --unembedding"):
        figures.logit_scatter(without, ax)
    assert not {"activation_scatter", "logit_scatter"} & set(figures.figures_of(without))
    with pytest.raises(
        InvalidInputError, match=r"--pair 3,36: this result kept nothing.*compare w"
    ):
        figures.figures_of(without, pair=(3, 36))
    with pytest.raises(InvalidInputError, match=r"--pair 3,4:.* such as 0,39"):
        figures.figures_of(comparison, pair=(3, 4))
    with pytest.raises(InvalidInputError, match="--pair is for results of two runs"):
        figures.figures_of(made_stability(), pair=(3, 4))


def test_figures_of_a_pair_are_all_of_the_same(comparison: Comparison) -> None:
    kept = comparison.pair_logits
    assert kept is not None
    fewer = replace(comparison, pair_logits=kept.iloc[::4])
    for pair, names in (
        (None, {"activation_scatter", "logit_scatter"}),
        ((3, 36), {"activation_scatter"}),
    ):
        drawn = figures.figures_of(fewer, pair=pair)
        found = names & set(drawn)
        assert found == {"activation_scatter", "logit_scatter"} & set(drawn)
        labels = {drawn[name](Figure().subplots()).get_xlabel().split(" of ")[1] for name in found}
        assert labels == {"a 0" if pair is None else "a 3"}
