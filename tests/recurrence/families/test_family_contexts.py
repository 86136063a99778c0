from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.made_caches import write_cache
from tests.planted_axes import axis_activations, axis_of, axis_run
from universality.dictionary import Source
from universality.recurrence.study import stability
from universality.results import Stability, read_stability
from universality.runs.policy import Policy


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Stability:
    cache = write_cache(tmp_path_factory.mktemp("caches") / "c", axis_activations())
    policy = Policy(views=("decoder",), nulls=("geometry",), n_draws=2)
    return stability([axis_run(seed) for seed in range(3)], policy, activations=[cache])


def test_the_texts_of_a_family_are_those_on_which_its_axis_is_strongest(found: Stability) -> None:
    assert found.contexts is not None
    members = found.latents[found.latents["family_decoder"] >= 0]
    assert set(found.contexts["family"]) == set(members["family_decoder"])
    for family, texts in found.contexts.groupby("family"):
        first = members[members["family_decoder"] == family].iloc[0]
        axis = axis_of(axis_run(int(first["run"][-1])), first["latent"])
        column = axis_activations()[:, axis].half()
        assert texts["rank"].tolist() == [0, 1, 2]
        strongest = column.topk(3).values
        np.testing.assert_allclose(column[texts["row"].tolist()], strongest, atol=2e-3)
        for codes, row in zip(texts["codes"], texts["row"], strict=True):
            assert codes == pytest.approx([float(column[row] / column.max())] * 3, abs=2e-3)


def test_texts_survive_saving(found: Stability, tmp_path: Path) -> None:
    found.save(tmp_path / "result")
    again = read_stability(tmp_path / "result").contexts
    assert again is not None
    assert found.contexts is not None
    assert again["row"].equals(found.contexts["row"])
    assert [list(one) for one in again["tokens"]] == found.contexts["tokens"].tolist()


def test_runs_without_a_family_have_no_texts(tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "c", axis_activations())
    policy = Policy(views=("decoder",), nulls=("geometry",), n_draws=2, threshold=0.9)
    run = axis_run(0)
    tilted = replace(run, W_dec=run.W_dec + run.W_dec.roll(1, dims=1), source=Source(name="tilted"))
    found = stability([run, tilted], policy, activations=[cache])
    assert found.summary["families"]["decoder"]["n"] == 0
    assert found.contexts is None


def test_families_of_every_rule_have_their_texts(tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "c", axis_activations())
    policy = Policy(views=("decoder", "encoder"), nulls=("geometry",), n_draws=2)
    made = stability([axis_run(seed) for seed in range(3)], policy, activations=[cache])
    assert made.contexts is not None
    assert set(made.contexts["view"]) == set(made.summary["families"])
