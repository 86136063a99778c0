"""Draws are matched as runs are, to what is printed of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.made_runs import unit_rows
from universality.runs import drawn_match
from universality.runs.chance import draw_direction_nulls
from universality.runs.drawn_match import match_traits
from universality.runs.view_match import match_views
from universality.runs.views import Similarities, Traits, direction_views

CPU = torch.device("cpu")


def traits(n: int, seed: int) -> Traits:
    return Traits(
        {"decoder": unit_rows(n, 12, seed=seed), "encoder": unit_rows(n, 12, seed=seed + 9)}
    )


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("held", [True, False])
def test_draws_are_matched_as_runs_are(
    held: bool, absolute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not held:
        monkeypatch.setattr(drawn_match, "_MOST_WHOLE", 1)
    views = direction_views(("decoder", "encoder"), absolute=absolute, device=CPU)
    a, b = traits(50, 0), traits(70, 1)
    exact = match_views(Similarities(views, a, b), progress=False)
    found = match_traits(views, a, b)
    for view, one in exact.items():
        assert found[view].matching.mean == pytest.approx(one.matching.mean, abs=1e-5)
        for side, mine in ((one.near_a, found[view].near_a), (one.near_b, found[view].near_b)):
            np.testing.assert_array_equal(mine.nearest, side.nearest)
            np.testing.assert_allclose(mine.nearest_similarity, side.nearest_similarity, atol=1e-6)
        np.testing.assert_array_equal(found[view].of_a.mutual, one.of_a.mutual)


def test_rows_that_views_share_are_matched_once() -> None:
    rows = unit_rows(40, 12, seed=0)
    a = Traits({"decoder": rows, "encoder": rows})
    views = direction_views(("decoder", "encoder"), device=CPU)
    found = match_traits(views, a, Traits(dict.fromkeys(("decoder", "encoder"), rows.flip(0))))
    assert found["decoder"] is found["encoder"]


def test_more_draws_leave_those_that_were_made_as_they_are() -> None:
    """So each draw follows from the seed and its number, and single ones can be made elsewhere."""
    kept: dict[str, dict[str, np.ndarray]] = {}

    def drawn(n: int) -> list[dict[str, np.ndarray]]:
        kept.clear()

        def keep(key, make):  # type: ignore[no-untyped-def]
            kept[key] = dict(make())
            return kept[key]

        views = direction_views(("decoder",), device=CPU)
        runs = [{"decoder": unit_rows(40, 12, seed=seed)} for seed in (0, 1)]
        draw_direction_nulls(
            {"geometry": n},
            runs,
            views,
            thresholds=(0.5,),
            absolute=False,
            device=CPU,
            seed=3,
            keep=keep,
        )
        return list(kept.values())

    two, six = drawn(2), drawn(6)
    for first, again in zip(two, six, strict=False):
        assert first.keys() == again.keys()
        assert all(np.array_equal(first[name], again[name]) for name in first)
