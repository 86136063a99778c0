"""A text read by two runs of the toy language model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.investigation.toy_language_model import (
    FALSE,
    HOOK,
    REAL,
    made_cache,
    made_language_model,
    made_run,
)
from universality.errors import InvalidInputError
from universality.investigation.causal_effects import hooked_model
from universality.investigation.coded_runs import coded_runs, opened_runs
from universality.investigation.prompting import read_prompt

ORDER = [5, 6, 7, REAL, 8, 2, 9, 10, 11, 3, 4, 2]
TEXT = "a x y z x b"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    runs = opened_runs([made_run("a"), made_run("b", ORDER)])
    cache = made_cache(tmp_path_factory.mktemp("prompt") / "cache")
    return (
        hooked_model(made_language_model(), HOOK),
        runs,
        coded_runs(runs, cache, torch.device("cpu")),
    )


def test_each_token_has_the_latents_that_fire_on_it(world) -> None:
    at, runs, _ = world
    found = read_prompt(TEXT, runs, at)
    assert found.tokens == tuple(TEXT.split())
    own = found.fired[found.fired["run"] == "a"]
    assert own.loc[own["position"] == 1, "latent"].tolist() == [REAL, FALSE]
    assert own.loc[own["position"] == 3, "latent"].tolist() == [2]
    assert 0 not in set(own["position"])  # the first position is no token of the latents'
    assert found.partners.empty
    assert found.fired["quantile"].isna().all()


def test_partners_stand_beside_with_how_often_they_fire_too(world) -> None:
    at, runs, coded = world
    partners = read_prompt(TEXT, runs, at, coded=coded).partners
    row = partners[(partners["run"] == "a") & (partners["latent"] == REAL)].iloc[0]
    assert (row["other"], row["partner"]) == ("b", ORDER.index(REAL))
    assert row["correlation"] == pytest.approx(1)
    assert row["cofiring"] == 1


def test_by_effect_the_one_that_does_something_stands_first(world) -> None:
    at, runs, _ = world
    fired = read_prompt(TEXT, runs[:1], at, by="effect", top=1).fired
    assert fired.loc[fired["position"] == 1, "latent"].tolist() == [REAL]
    assert float(fired.loc[fired["position"] == 1, "effect"].iloc[0]) > 0.5  # y follows
    assert np.isnan(fired.loc[fired["position"] == 5, "effect"]).all()  # nothing follows


def test_quantiles_are_of_the_firings_of_the_cache(world) -> None:
    at, runs, coded = world
    fired = read_prompt(TEXT, runs, at, coded=coded, by="quantile").fired
    assert fired["quantile"].between(0, 1).all()
    assert (fired.loc[fired["latent"] == REAL, "quantile"] > 0).all()


def test_what_cannot_be_read_is_refused(world) -> None:
    at, runs, _ = world
    with pytest.raises(InvalidInputError, match="1 tokens; give one of two"):
        read_prompt("x", runs, at)
    with pytest.raises(InvalidInputError, match="reads at most 512"):
        read_prompt("x " * 600, runs, at)
    with pytest.raises(InvalidInputError, match="needs --activations"):
        read_prompt(TEXT, runs, at, by="quantile")


def test_a_run_of_another_width_is_named(world, tmp_path: Path) -> None:
    from tests.made_runs import make_run, unit_rows

    at = world[0]
    with pytest.raises(InvalidInputError, match="reads d_in=8, the model's states at this hook"):
        read_prompt(TEXT, [("narrow", make_run(unit_rows(4, 8, seed=0)))], at)
