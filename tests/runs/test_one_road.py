"""Two runs are a case of many: what `compare` says of them, `stability` says too."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.recurrence.study import stability
from universality.results import Comparison, Stability

POLICY = Policy(nulls=("isotropic", "geometry"), n_draws=2, min_firing=5, threshold=0.6)
VIEWS = ("decoder", "encoder", "activations")


def _runs() -> list[Dictionary]:
    shared = unit_rows(30, 16, seed=0)
    noise = [0.1 * torch.randn(30, 16, generator=torch.Generator().manual_seed(s)) for s in (1, 2)]
    rows = [torch.cat([shared + one, unit_rows(20, 16, seed=s)]) for s, one in enumerate(noise, 7)]
    return [make_run(one, one.flip(1), name=f"run{seed}") for seed, one in enumerate(rows)]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Stability]:
    tokens = torch.randn(1_600, 16, generator=torch.Generator().manual_seed(7))
    cache = write_cache(tmp_path_factory.mktemp("caches") / "c", tokens, n_documents=20)
    two = compare(*_runs(), POLICY, activations=cache)
    return two, stability(_runs(), POLICY, activations=cache)


@pytest.fixture
def both(tables: tuple[Comparison, Stability]) -> tuple[dict, dict]:
    return tables[0].summary, deepcopy(tables[1].summary)


@pytest.mark.parametrize("view", VIEWS)
def test_means_shares_and_their_nulls_are_the_same_numbers(
    both: tuple[dict, dict], view: str
) -> None:
    two, many = both
    of_view, at = many["over_pairs"][view], two["views"][view]["assignment"]
    shared = next(row for row in two["shared"] if row["threshold"] == 0.6)[view]
    assert of_view["mean"]["mean"] == pytest.approx(at["mean"], abs=1e-12)
    assert of_view["shared"]["mean"] == pytest.approx(shared["value"], abs=1e-12)
    assert of_view["mean"]["null"] == at["null_mean"]
    assert of_view["shared"]["null"] == shared["null"]


@pytest.mark.parametrize("view", VIEWS)
def test_every_null_of_the_policy_is_drawn_and_named(both: tuple[dict, dict], view: str) -> None:
    two, many = both
    nulls = two["views"][view]["nulls"]
    assert list(many["over_pairs"][view]["mean"]["nulls"]) == list(nulls)
    for name, value in many["over_pairs"][view]["mean"]["nulls"].items():
        assert value == nulls[name]["assignment.mean"]["mean"]
    assert set(many["nulls"]) == {"isotropic", "geometry", "tokens"}
    assert list(many["agreement"]["decoder_encoder"]["nulls"]) == ["isotropic", "geometry"]


@pytest.mark.parametrize("view", VIEWS)
def test_the_floor_of_a_run_with_itself_is_the_same(both: tuple[dict, dict], view: str) -> None:
    two, many = both
    own = two["views"][view]["own_run"]
    for run, side in zip(many["runs"], "ab", strict=True):
        floor = run["own_run"][view]
        assert floor["mean"] == own[side]["mean"]
        known = {row["threshold"]: row["value"] for row in own[side]["shares"]}
        assert all(
            known.get(row["threshold"], row["value"]) == row["value"] for row in floor["shares"]
        )
    mean = sum(own[side]["mean"] for side in "ab") / 2
    assert many["over_pairs"][view]["mean"]["own_run"] == pytest.approx(mean, abs=1e-12)


def test_two_of_many_have_what_two_alone_have(both: tuple[dict, dict]) -> None:
    two, many = both
    (between,) = many["between"]
    assert (between.pop("a"), between.pop("b")) == ("run0", "run1")
    assert set(between) == {"leverage", "unmatched_span", "cross_view", "held_out"}
    assert between == {name: two[name] for name in between}
    known = {check["id"]: check for check in two["checks"]}
    assert {check["id"]: check for check in many["checks"]} == known


def test_grades_of_two_runs_are_those_of_the_comparison(
    tables: tuple[Comparison, Stability],
) -> None:
    two, many = tables
    grades = [name for name in many.latents if name.startswith("grade")]
    assert len(grades) == 5
    assert set(two.latents_a[grades].to_numpy().ravel()) >= {"same", "similar", "none"}
    for name, of in zip(("run0", "run1"), (two.latents_a, two.latents_b), strict=True):
        own = many.latents[many.latents["run"] == name]
        for grade in grades:
            assert (own[grade].to_numpy() == of[grade].to_numpy()).all(), grade


def test_what_only_two_runs_have_is_refused_for_many(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="keeps every similarity of two runs"):
        stability(_runs(), Policy(matrix=True))
