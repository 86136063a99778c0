"""Figures of one latent, through their artists."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

import universality as un
from tests.made_investigation import made_investigation
from universality.errors import InvalidInputError
from universality.figures.catalogue import figures_of


def _axes():
    return Figure().subplots()


def test_every_figure_draws_what_an_investigation_holds() -> None:
    found = made_investigation()
    names = set(figures_of(found))
    assert "activation_density" in names
    assert len(names) == 8
    for draw in figures_of(found).values():
        assert draw(_axes()).has_data()


def test_the_bars_are_the_counts() -> None:
    found = made_investigation()
    first = found.summary["subjects"][0]
    heights = sum(bar.get_height() for bar in un.figures.activation_density(found, _axes()).patches)
    assert heights == first["n_fires"]
    weights = un.figures.activation_weight(found, _axes()).patches
    assert sum(bar.get_height() for bar in weights) == pytest.approx(1)


def test_what_is_missing_is_named() -> None:
    bare = replace(
        made_investigation(),
        proxies=None,
        proxy_groups=None,
        ratios=None,
        logits=None,
        controls=None,
        similarities=None,
        pair_tokens=None,
        pair_effects=None,
    )
    assert set(figures_of(bare)) == {"activation_density", "activation_weight"}
    with pytest.raises(InvalidInputError, match="needs a model, which this result lacks"):
        un.figures.effect_beside_controls(bare, _axes())
