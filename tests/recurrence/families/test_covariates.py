from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tests.planted_runs import link_all
from universality.recurrence.families.covariates import stability_by
from universality.recurrence.families.family_rules import find_rules
from universality.recurrence.null_runs import RunsNull
from universality.recurrence.study_tables import study_latent_table

N = 20
NULL = RunsNull(
    name="made",
    description="made",
    mean={},
    share={("decoder", 0.7): 0.05},
    cycle={},
    agreement=None,
)


def _latents(frequency: np.ndarray) -> tuple[pd.DataFrame, dict]:
    """Three runs that share the first half of their latents."""
    rules = find_rules({"decoder": link_all([[f] * 3 for f in range(N // 2)], size=N)}, 0.7)
    latents = study_latent_table(rules)
    return latents.assign(frequency=np.tile(frequency, 3), decoder_norm=1.0), rules


def test_stability_rises_with_frequency_where_it_was_planted() -> None:
    shared = np.arange(N) < N // 2
    latents, rules = _latents(np.where(shared, 0.3, 0.01))
    found = stability_by(latents, rules, NULL)
    assert set(found) == {"frequency"}  # every decoder row is as long
    by_decoder = found["frequency"]["decoder"]
    assert [
        (one["median"], one["mean_stability"], one["in_all_runs"], one["n"])
        for one in by_decoder["classes"]
    ] == [(0.01, 0, 0, 3 * N // 2), (0.3, 1, 1, 3 * N // 2)]
    assert by_decoder["rank_correlation"] == pytest.approx(1)
    assert by_decoder["null"] == 0.05


def test_classes_hold_equally_many_latents_and_all_of_them() -> None:
    latents, rules = _latents(np.random.default_rng(0).random(N))
    classes = stability_by(latents, rules, NULL)["frequency"]["decoder"]["classes"]
    assert [one["n"] for one in classes] == [3 * N // 10] * 10
    assert all(one["low"] <= one["median"] <= one["high"] for one in classes)
    assert all(a["high"] <= b["low"] for a, b in pairwise(classes))


def test_a_stability_that_never_varies_has_no_correlation() -> None:
    latents, rules = _latents(np.random.default_rng(0).random(N))
    found = stability_by(latents.assign(stability_decoder=0.5), rules, NULL)
    assert "rank_correlation" not in found["frequency"]["decoder"]
    nothing = stability_by(latents.assign(stability_decoder=np.nan), rules, NULL)
    assert nothing["frequency"]["decoder"]["classes"] == []
