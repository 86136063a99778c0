"""Found in k of n runs: what it predicts of one run more, in populations whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.planted_recurrence import matched_population
from universality.errors import InvalidInputError
from universality.recurrence.families.spectrum import n_runs_found
from universality.recurrence.reappearance.mixture import chance_after, fit_chances
from universality.recurrence.reappearance.run_forecast import forecast_one_more
from universality.runs.partner_table import among
from universality.synthetic.populations import Flaws, draw_population

Draw = Callable[[np.random.Generator], np.ndarray]

POPULATIONS: dict[str, tuple[Draw, Flaws]] = {
    "a beta distribution": (lambda g: g.beta(0.6, 0.8, 1_500), Flaws()),
    "two kinds": (
        lambda g: np.where(g.random(1_500) < 0.4, g.beta(1, 12, 1_500), g.beta(3, 1, 1_500)),
        Flaws(),
    ),
    "misses, splits and latents of nothing": (
        lambda g: g.beta(1, 1, 900),
        Flaws(missed=0.15, split=0.1, unrelated=150),
    ),
}


@pytest.mark.parametrize("world", POPULATIONS)
def test_over_fifty_populations_the_chance_of_each_k_is_what_one_run_more_shows(
    world: str,
) -> None:
    draw, flaws = POPULATIONS[world]
    gaps = []
    for seed in range(50):
        generator = np.random.default_rng(seed)
        drawn = draw_population(draw(generator), 6, generator=generator, flaws=flaws)
        edges = matched_population(drawn)
        found = forecast_one_more(among(edges, range(5)))
        assert found is not None
        ours = edges.run_of < 5
        k = n_runs_found(among(edges, range(5)))
        again = edges.partner[ours, 5] >= 0
        gaps.append([found.chance[i - 1] - again[k == i].mean() for i in range(1, 6)])
    gap = np.array(gaps)
    error = gap.std(axis=0, ddof=1) / np.sqrt(50)
    # n runs do not tell the next moment of the chances: what no form decides is worth up to .02.
    assert (np.abs(gap.mean(axis=0)) < np.maximum(3 * error, 0.02)).all(), gap.mean(axis=0) / error


def test_what_is_left_out_is_not_what_all_runs_say() -> None:
    """Leaving one out says "k of n - 1", which is more than "k of n"."""
    generator = np.random.default_rng(0)
    drawn = draw_population(generator.beta(0.6, 0.8, 3_000), 5, generator=generator)
    found = forecast_one_more(matched_population(drawn))
    assert found is not None
    assert (found.left_out[:4] > found.chance[:4] + 0.03).all()
    assert np.isnan(found.left_out[4])


def test_latents_that_are_found_by_chance_alone_come_back_by_chance() -> None:
    generator = np.random.default_rng(0)
    flaws = Flaws(unrelated=2_000, coincidence=0.1)
    edges = matched_population(draw_population(np.zeros(1), 5, generator=generator, flaws=flaws))
    found = forecast_one_more(edges)
    assert found is not None
    assert found.chance[:2] == pytest.approx(0.1, abs=0.03)


def test_intervals_and_tests_take_four_runs_and_chances_three() -> None:
    generator = np.random.default_rng(0)
    edges = matched_population(draw_population(generator.beta(1, 1, 300), 4, generator=generator))
    four, three = forecast_one_more(edges), forecast_one_more(among(edges, range(3)))
    assert four is not None
    assert three is not None
    assert (four.low <= four.chance).all()
    assert (four.chance <= four.high).all()
    assert set(four.tests["held_out_run"]) == {0, 1, 2, 3}
    assert np.isnan(three.low).all()
    assert three.tests.empty
    assert np.isfinite(three.chance).all()
    assert forecast_one_more(among(edges, range(2))) is None


def test_the_intervals_hold_the_chance_of_the_population() -> None:
    covered = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        chances = generator.beta(0.6, 0.8, 400)
        edges = matched_population(draw_population(chances, 5, generator=generator))
        found = forecast_one_more(edges)
        assert found is not None
        truth = _truth(chances, 5)
        covered.append((found.low <= truth) & (truth <= found.high))
    assert np.mean(covered) > 0.9


def _truth(chances: np.ndarray, n: int) -> np.ndarray:
    """Of latents of a run (a feature counts as often as runs have it) found in k of n runs."""
    k = np.arange(1, n + 1)[:, None]
    weight = chances**k * (1 - chances) ** (n - k)
    return np.asarray((weight * chances).sum(axis=1) / weight.sum(axis=1))


def test_chances_follow_any_distribution_and_rise_with_the_runs_that_agree() -> None:
    counts = np.array([[500.0, 20, 10, 30, 400], [1.0, 0, 0, 0, 0]])
    weights = fit_chances(counts)
    assert weights.sum(axis=1) == pytest.approx(1)
    chance = chance_after(weights, 4)
    assert (np.diff(chance[0]) > 0).all()
    assert chance[0, 0] < 0.05 < 0.95 < chance[0, 4]


def test_two_runs_say_one_number() -> None:
    with pytest.raises(InvalidInputError, match="at least three runs"):
        fit_chances(np.array([[3.0, 2.0]]))
