"""Two runs are a case of many: what `compare` says of them, `stability` says too."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.recurrence.study import stability

POLICY = Policy(nulls=("isotropic", "geometry"), n_draws=2, min_firing=5, threshold=0.6)
VIEWS = ("decoder", "encoder", "activations")


def _runs() -> list[Dictionary]:
    shared = unit_rows(30, 16, seed=0)
    noise = [0.1 * torch.randn(30, 16, generator=torch.Generator().manual_seed(s)) for s in (1, 2)]
    rows = [torch.cat([shared + one, unit_rows(20, 16, seed=s)]) for s, one in enumerate(noise, 7)]
    return [make_run(one, one.flip(1), name=f"run{seed}") for seed, one in enumerate(rows)]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict]:
    tokens = torch.randn(1_600, 16, generator=torch.Generator().manual_seed(7))
    cache = write_cache(tmp_path_factory.mktemp("caches") / "c", tokens, n_documents=20)
    two = compare(*_runs(), POLICY, activations=cache).summary
    return two, stability(_runs(), POLICY, activations=cache).summary


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


def test_what_only_two_runs_have_is_refused_for_many(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="keeps every similarity of two runs"):
        stability(_runs(), Policy(matrix=True))
