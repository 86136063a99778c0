"""The account of every latent adds up, names planted groups and subspaces, and no chance ones."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.errors import InvalidInputError
from universality.nulls.rotation import haar
from universality.results import ACCOUNTED, Comparison
from universality.runs.between.account import account_of
from universality.runs.matched import MatchedPair

N, D = 64, 48
FAST = Policy(views=("decoder",), nulls=("geometry",), n_draws=2)


def _rows(n: int, seed: int) -> torch.Tensor:
    return unit_rows(n, D, seed=seed)


def _compared(a: torch.Tensor, b: torch.Tensor, policy: Policy = FAST) -> Comparison:
    return compare(
        make_run(a, _rows(len(a), 90)), make_run(b, _rows(len(b), 91)), policy, groups=True
    )


def _planted() -> tuple[torch.Tensor, torch.Tensor]:
    """Rows 0 to 19 are in both; three of a make row 40 of b; three are turned; the rest apart."""
    a, b = _rows(N, 1), _rows(N, 2)
    b[:20] = a[:20]
    plane = torch.linalg.qr(a[20:25].T)[0].T
    a[20:25] = plane
    b[40] = normalize(plane[0] + plane[1] + plane[2], dim=0)
    third = torch.tensor([[2.0, -1.0, 2.0], [2.0, 2.0, -1.0], [-1.0, 2.0, 2.0]]) / 3
    a[30:33] = torch.linalg.qr(a[30:33].T)[0].T
    b[50:53] = third @ a[30:33]
    return a, b


def test_the_account_adds_up_and_names_planted_groups() -> None:
    """Parts of a split reach its whole by 1 / sqrt(3), below .7; the whole lies in their span."""
    found = _compared(*_planted())
    account = found.summary["account"]["decoder"]
    for side, table in (("a", found.latents_a), ("b", found.latents_b)):
        assert list(account[side]) == list(ACCOUNTED)
        assert sum(account[side].values()) == N
        words = table["account_decoder"]
        assert set(words) <= set(ACCOUNTED)
        assert (words[:20] == "same").all()
        lifted = words.isin(["group", "subspace"])
        np.testing.assert_array_equal(words[~lifted], table["grade_decoder"][~lifted])
    in_groups_a = np.flatnonzero(found.latents_a["account_decoder"] == "group").tolist()
    in_groups_b = np.flatnonzero(found.latents_b["account_decoder"] == "group").tolist()
    assert (in_groups_a, in_groups_b) == ([30, 31, 32], [40, 50, 51, 52])
    assert len(account["groups"]) == 2
    assert account["groups"][0]["p"] == pytest.approx(1 / 20)
    assert found.latents_a["inside_decoder"][20] == pytest.approx(1 / 3**0.5, abs=1e-4)
    assert found.latents_b["group_decoder"][40] == found.latents_a["group_decoder"][20] >= 0
    assert found.latents_a["group_decoder"][0] == -1
    assert "of all 64 latents of a" in " ".join(found.summary["answer"])


def test_unrelated_runs_have_no_groups_and_no_subspace() -> None:
    account = _compared(_rows(N, 3), _rows(N, 4)).summary["account"]["decoder"]
    assert account["groups"] == []
    assert account["a"]["group"] == account["a"]["subspace"] == 0
    assert account["groups_in_a_draw"] < 1


def test_a_remainder_in_one_subspace_of_both_runs_is_called_so() -> None:
    """Three dimensions of 48 hold two dozen latents of each run, in directions of their own."""
    basis = haar(D, generator=torch.Generator().manual_seed(7))[:2]
    runs = []
    for seed in (5, 6):
        rows = _rows(N, 3)
        inside = torch.randn(30, 2, generator=torch.Generator().manual_seed(seed)) @ basis
        # Noise as long as the rows keeps single latents of both runs apart.
        rows[34:] = normalize(normalize(inside, dim=1) + 0.9 * _rows(30, 10 + seed), dim=1)
        runs.append(rows)
    found = _compared(
        *runs, Policy(views=("decoder",), nulls=("geometry",), n_draws=2, threshold=0.6)
    )
    account = found.summary["account"]["decoder"]
    assert account["subspace_rank"] == 2
    named = found.latents_a["account_decoder"][34:].isin(["same", "group", "subspace"])
    assert named.mean() > 0.8
    assert account["a"]["subspace"] >= 5
    assert 0 <= account["subspace_in_a_draw"]["a"] <= 1


@pytest.mark.parametrize("policy", [FAST, Policy(views=("decoder",), absolute=True, n_draws=2)])
def test_runs_that_are_the_same_have_nothing_left(policy: Policy) -> None:
    rows = _rows(20, 8)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    flipped = -rows if policy.absolute else rows
    account = _compared(rows, flipped[order], policy).summary["account"]["decoder"]
    assert account["a"]["same"] == account["b"]["same"] == 20
    assert account["groups"] == []
    assert account["subspace_rank"] is None


def test_runs_without_directions_are_refused() -> None:
    none = Mock(spec=MatchedPair)
    none.a = Mock(directions={})
    with pytest.raises(InvalidInputError, match="--groups accounts for latents by their dir"):
        account_of(none, FAST, {}, {})


def test_without_the_option_there_is_no_account() -> None:
    rows = _rows(20, 8)
    found = compare(make_run(rows, rows), make_run(rows, rows), FAST)
    assert "account" not in found.summary
    assert "account_decoder" not in found.latents_a
