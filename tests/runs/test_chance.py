"""Every statistic of unrelated runs is, on average, its null: all rules, signs, unequal widths."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.made_runs import unit_rows
from universality.nulls.rotation import rows_at_cosine
from universality.runs.chance import draw_direction_nulls
from universality.runs.drawn_match import match_traits
from universality.runs.draws import OWN_DRAW
from universality.runs.metrics import Statistics, measure
from universality.runs.views import Traits, View, direction_views

D, N_A, N_B, DRAWS = 12, 40, 60, 14
THRESHOLDS = (0.4, 0.5, 0.6, 0.7)
CPU = torch.device("cpu")


def unrelated(n: int, seed: int) -> dict[str, Tensor]:
    """Isotropic rows; encoder rows at a cosine of .9 to the decoder's, so that views agree."""
    decoder = unit_rows(n, D, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    return {"decoder": decoder, "encoder": rows_at_cosine(decoder, 0.9, generator=generator)}


def views(absolute: bool) -> tuple[View, ...]:
    return direction_views(("decoder", "encoder"), absolute=absolute, device=CPU)


def flat(found: Statistics) -> dict[str, float]:
    shares = {
        f"{view} {rule} {t}": float(share)
        for (view, rule), values in found.shares.items()
        for t, share in zip(THRESHOLDS, values, strict=True)
    }
    return shares | {f"{view} {name}": value for (view, name), value in found.averages.items()}


@cache
def observed(absolute: bool) -> list[dict[str, float]]:
    found = []
    for seed in range(DRAWS):
        runs = unrelated(N_A, seed), unrelated(N_B, 500 + seed)
        found.append(flat(measure(match_traits(views(absolute), *map(Traits, runs)), THRESHOLDS)))
    return found


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("name", ["isotropic", "geometry", "haar"])
def test_unrelated_runs_lie_on_the_null_in_every_statistic(name: str, absolute: bool) -> None:
    (null,) = draw_direction_nulls(
        {name: DRAWS},
        (unrelated(N_A, 0), unrelated(N_B, 500)),
        views(absolute),
        thresholds=THRESHOLDS,
        absolute=absolute,
        device=CPU,
        seed=1,
    )
    expected, spread = flat(null.mean), flat(null.sd)
    assert {"decoder_encoder agreement", "encoder mutual.fraction_b"} <= set(expected)
    assert "decoder_and_encoder assignment 0.5" in expected
    moved = [expected.pop(f"{view} {OWN_DRAW}") for view in ("decoder", "encoder")]
    assert max(moved) < 0.7
    for statistic, chance in expected.items():
        values = np.array([one[statistic] for one in observed(absolute)])
        error = np.hypot(values.std(ddof=1), spread[statistic]) / np.sqrt(DRAWS)
        assert abs(values.mean() - chance) < 4 * error + 0.01, statistic


def test_rows_along_few_axes_stay_where_they_are_and_the_null_says_so() -> None:
    """Five axes with nine tenths of the energy, each its own eigenspace: nothing can be turned."""
    scale = 0.25 ** torch.arange(5.0)
    run = {"decoder": unit_rows(60, 5, seed=1) * scale}
    (null,) = draw_direction_nulls(
        {"geometry": 4},
        (run, run),
        direction_views(("decoder",), device=CPU),
        thresholds=THRESHOLDS,
        absolute=False,
        device=CPU,
        seed=1,
    )
    assert null.version == 3
    assert null.mean.averages["decoder", OWN_DRAW] > 0.9
