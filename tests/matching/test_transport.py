"""Entropic transport against a dense iteration, a linear program, and the assignment at zero."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

import universality as un
from tests.matching.problems import cosines, problem
from universality.errors import InvalidInputError
from universality.matching.transport import transport_between
from universality.similarity import Cosine


def _dense_plan(values: np.ndarray, temperature: float) -> np.ndarray:
    """Sinkhorn's iteration as it stands in textbooks, on the whole matrix."""
    kernel = np.exp(values / temperature)
    right = np.ones(values.shape[1])
    for _ in range(5_000):
        left = 1 / values.shape[0] / (kernel @ right)
        right = 1 / values.shape[1] / (kernel.T @ left)
    return left[:, None] * kernel * right


def _best_plan(values: np.ndarray) -> float:
    """The largest mean similarity of any plan with equal masses, as a linear program."""
    n_a, n_b = values.shape
    rows, cols = np.kron(np.eye(n_a), np.ones(n_b)), np.kron(np.ones(n_a), np.eye(n_b))
    masses = np.concatenate([np.full(n_a, 1 / n_a), np.full(n_b, 1 / n_b)])
    return -float(linprog(-values.ravel(), A_eq=np.vstack([rows, cols]), b_eq=masses).fun)


@pytest.mark.parametrize("shape", [(20, 20), (12, 30), (30, 12)])
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_it_is_the_plan_of_the_dense_iteration(shape: tuple[int, int], temperature: float) -> None:
    a, b = problem("half shared", *shape)
    found = un.transport(a, b, temperature, width=40)
    plan = np.zeros(shape)
    plan[found.a, found.b] = found.share
    np.testing.assert_allclose(plan, _dense_plan(cosines(a, b), temperature), atol=2e-4)
    assert found.marginal_error <= 1e-3
    assert found.left_out_at_most == 0


@pytest.mark.parametrize("seed", range(4))
def test_towards_zero_it_is_the_hard_assignment(seed: int) -> None:
    a, b = problem("random", 60, 60, seed=seed)
    hard, found = un.match(a, b), un.transport(a, b, 1e-4)
    assert found.partner(0).tolist() == hard.partner_of_a.tolist()
    assert found.partner(1).tolist() == hard.partner_of_b.tolist()
    assert np.median(found.effective_partners(0)) == pytest.approx(1, abs=0.02)
    assert found.mean == pytest.approx(hard.mean, abs=1e-3)


@pytest.mark.parametrize("shape", [(8, 13), (13, 8), (6, 18)])
def test_towards_zero_it_is_the_linear_program_for_unequal_sizes(shape: tuple[int, int]) -> None:
    a, b = problem("random", *shape)
    found = un.transport(a, b, 2e-3, width=20)
    assert found.mean == pytest.approx(_best_plan(cosines(a, b)), abs=5e-3)


@pytest.mark.parametrize("k", [2, 4])
def test_a_latent_that_was_split_has_as_many_partners(k: int) -> None:
    a = np.random.default_rng(0).normal(size=(20, 64))
    found = un.transport(a, np.repeat(a, k, axis=0), 0.02)
    assert found.effective_partners(0) == pytest.approx(k, abs=0.01)
    assert found.effective_partners(1) == pytest.approx(1, abs=0.01)
    assert found.partner(1).tolist() == np.repeat(np.arange(20), k).tolist()


@pytest.mark.parametrize("shape", [(50, 50), (30, 70), (70, 30)])
@pytest.mark.parametrize("kind", ["clusters", "all rows equal", "zero rows", "sign flipped"])
def test_masses_go_over_on_the_narrowest_graph(kind: str, shape: tuple[int, int]) -> None:
    a, b = problem(kind, *shape)
    found = un.transport(a, b, 0.1, width=1)
    assert np.bincount(found.b, found.share) == pytest.approx(1 / shape[1], abs=1e-9)
    assert np.abs(np.bincount(found.a, found.share) - 1 / shape[0]).sum() <= 0.02
    assert (found.effective_partners(0) >= 1).all()


def test_what_was_left_out_is_bounded() -> None:
    a, b = problem("half shared", 200, 180)
    similarity = Cosine.between(a, b)
    found = transport_between(similarity, 0.05, width=4, progress=False)
    every = np.exp((cosines(a, b) - found.f[:, None] - found.g) / 0.05)
    every[found.a, found.b] = 0
    assert 0 < every.sum() <= found.left_out_at_most


def test_renaming_latents_renames_the_plan() -> None:
    a, b = problem("half shared", 40, 40)
    order = np.random.default_rng(0).permutation(40)
    found, renamed = un.transport(a, b), un.transport(a, b[order])
    assert order[renamed.partner(0)].tolist() == found.partner(0).tolist()
    assert renamed.effective_partners(1) == pytest.approx(
        found.effective_partners(1)[order], abs=1e-6
    )


def test_one_latent_alone_has_all() -> None:
    found = un.transport(np.ones((1, 3)), np.eye(3))
    assert found.effective_partners(0) == pytest.approx(3)
    assert "1 and 3 latents at a temperature of 0.02" in repr(found)


@pytest.mark.parametrize("temperature", [0, -1, 1.5, float("nan"), "cold"])
def test_a_temperature_that_is_none(temperature: object) -> None:
    with pytest.raises(InvalidInputError, match=r"temperature must be a number in \(0, 1\]"):
        un.transport(np.eye(3), np.eye(3), temperature)  # type: ignore[arg-type]


def test_rows_that_have_no_similarity() -> None:
    with pytest.raises(InvalidInputError, match="NaN"):
        un.transport(np.full((3, 3), np.nan), np.eye(3))
    with pytest.raises(InvalidInputError, match="empty"):
        un.transport(np.empty((0, 3)), np.eye(3))
