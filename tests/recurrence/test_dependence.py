"""Runs that share a start are left out of the headline, which is said with and without them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.dictionary import Dictionary, RunKey
from universality.nulls.rotation import rows_at_cosine
from universality.recurrence.study import stability
from universality.report import page
from universality.runs.policy import Policy

N, D = 60, 24
QUICK = Policy(nulls=("isotropic",), n_draws=2)


def seed_run(seed: int) -> Dictionary:
    """A run that shares half of its latents with every other, in an order of its own."""
    generator = torch.Generator().manual_seed(seed)
    shared = rows_at_cosine(unit_rows(N // 2, D, seed=0), 0.95, generator=generator)
    rows = torch.cat([shared, unit_rows(N // 2, D, seed=seed)])
    rows = rows[torch.randperm(N, generator=generator)]
    return make_run(rows, name=f"seed{seed}", seed=seed)


def twin_of(run: Dictionary, name: str) -> Dictionary:
    """The same start, trained on a little."""
    generator = torch.Generator().manual_seed(9)
    return make_run(rows_at_cosine(run.W_dec, 0.8, generator=generator), name=name)


@pytest.fixture(scope="module")
def runs() -> list[Dictionary]:
    one, two, three = (seed_run(seed) for seed in (1, 2, 3))
    return [one, twin_of(one, "twin"), two, three]


def test_the_first_named_stays_and_the_rest_is_as_though_the_twin_were_not_there(runs) -> None:
    found = stability(runs, QUICK)
    alone = stability([runs[0], runs[2], runs[3]], QUICK)
    assert found.summary["n_runs"] == 3
    assert [run["name"] for run in found.summary["runs"] if not run["in_families"]] == ["twin"]
    for key in ("families", "spectrum", "only_in_one", "cycle_consistency", "jackknife"):
        assert found.summary[key] == alone.summary[key]
    about = found.summary["dependent"]
    (left,) = about["left_out"]
    assert (left["run"], left["depends_on"]) == ("twin", "seed1")
    assert left["check"] == "shared_initialisation"
    assert about["without"]["n_runs"] == 3
    assert about["with"]["n_runs"] == 4
    for rule, share in about["without"]["in_all_runs_fraction"].items():
        assert share == found.summary["families"][rule]["in_all_runs_fraction"]
    assert about["with"]["shared"]["decoder"] > about["without"]["shared"]["decoder"]
    assert found.summary["validity"]["valid"]
    assert "Left out of what follows" in page(found)


def test_the_twin_stays_where_it_is_named_first(runs) -> None:
    found = stability([runs[1], runs[0], runs[2]], QUICK)
    assert [one["run"] for one in found.summary["dependent"]["left_out"]] == ["seed1"]


def test_independent_runs_leave_nobody_out(runs) -> None:
    assert "dependent" not in stability([runs[0], runs[2], runs[3]], QUICK).summary


def test_where_no_two_are_independent_all_stay_and_the_result_is_void(runs) -> None:
    found = stability(runs[:2], QUICK)
    assert "dependent" not in found.summary
    assert found.summary["n_runs"] == 2
    assert not found.summary["validity"]["valid"]
    assert '<p class="fail">The runs probably started from the same weights' in page(found)


def test_directions_of_two_models_are_not_in_one_headline(runs) -> None:
    def of(run: Dictionary, model: str | None) -> Dictionary:
        return replace(run, key=RunKey(model_name=model))

    mixed = [
        of(runs[0], "gpt2"),
        of(runs[2], "EleutherAI/pythia-70m"),
        of(runs[3], "gpt2"),
    ]
    found = stability(mixed, QUICK)
    assert [run["in_families"] for run in found.summary["runs"]] == [True, False, True]
    assert found.summary["validity"]["valid"]
    failed = [one["id"] for one in found.summary["checks"] if one["status"] == "fail"]
    assert failed == ["model"]
    assert {tuple(pair) for pair in found.pairs[["a", "b"]].to_numpy()} == {("seed1", "seed3")}
    shared = stability(mixed, replace(QUICK, align="shared"))
    assert len(shared.pairs.query("view == 'decoder'")) == 3
    unknown = stability([of(runs[0], "gpt2"), of(runs[2], None), of(runs[3], "gpt2")], QUICK)
    assert unknown.summary["n_runs"] == 3
