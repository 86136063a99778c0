"""Cosines against NumPy, within the bound they state, for every precision and kind of input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import universality as un
from tests.matching.problems import cosines
from universality.errors import InvalidInputError
from universality.similarity import Cosine, Similarity, Transposed

EVERYTHING = slice(None)


def rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    """Rows of very different lengths and spreads."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) ** 3 * rng.uniform(1e-3, 1e3, (n, 1))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("d", [1, 7, 300])
def test_blocks_lie_within_their_bound(precision: torch.dtype, absolute: bool, d: int) -> None:
    a, b = rows(60, d), rows(40, d, seed=1)
    a[3] = 0
    exact = np.abs(cosines(a, b)) if absolute else cosines(a, b)
    similarity = Cosine.between(a, b, absolute=absolute, precision=precision)
    values, error = similarity.block(EVERYTHING, EVERYTHING)
    assert np.abs(values.double().numpy() - exact).max() <= error
    fine, bound = similarity.block(EVERYTHING, EVERYTHING, fine=True)
    assert fine.dtype == torch.float64
    assert np.abs(fine.numpy() - exact).max() <= bound < 1e-12
    some, _ = similarity.block(torch.tensor([5, 2]), slice(3, 9), fine=True)
    np.testing.assert_allclose(some.numpy(), exact[[5, 2], 3:9], atol=1e-12)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32])
def test_bounds_hold_where_rounding_is_worst(precision: torch.dtype) -> None:
    a = np.ones((1, 4_096)) + 2.0**-9
    values, error = Cosine.between(a, a, precision=precision).block(EVERYTHING, EVERYTHING)
    assert abs(float(values) - 1) <= error


def test_pairs_are_exact_and_do_not_depend_on_their_company() -> None:
    a, b = rows(50, 33).astype(np.float32), rows(70, 33, seed=1).astype(np.float32)
    similarity = Cosine.between(a, b)
    i, j = (torch.randint(0, n, (5_000,), generator=torch.Generator()) for n in (50, 70))
    together = similarity.at(i, j)
    np.testing.assert_allclose(together.numpy(), cosines(a, b)[i, j], atol=1e-14)
    alone = torch.cat([similarity.at(i[k : k + 1], j[k : k + 1]) for k in range(100)])
    assert torch.equal(alone, together[:100])


def test_transposed_is_the_other_way_round() -> None:
    a, b = rows(5, 4), rows(7, 4, seed=1)
    similarity = Cosine.between(a, b)
    other = Transposed(similarity)
    assert isinstance(similarity, Similarity)
    assert isinstance(other, Similarity)
    assert other.shape == (7, 5)
    np.testing.assert_allclose(
        other.block(EVERYTHING, EVERYTHING, fine=True)[0].numpy(), cosines(b, a), atol=1e-12
    )
    i = torch.tensor([6, 0])
    j = torch.tensor([1, 4])
    assert torch.equal(other.at(i, j), similarity.at(j, i))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_scale_is_not_seen_at_any_magnitude(scale: float) -> None:
    a, b = rows(6, 5), rows(4, 5, seed=1)
    values, _ = Cosine.between(a * scale, b).block(EVERYTHING, EVERYTHING, fine=True)
    np.testing.assert_allclose(values.numpy(), cosines(a, b), atol=1e-12)


def test_callers_data_is_left_alone() -> None:
    a = rows(6, 5)
    before = a.copy()
    un.match(a, a)
    assert (a == before).all()


def test_global_shortcuts_are_not_taken_and_are_restored() -> None:
    a = rows(40, 512)
    torch.set_float32_matmul_precision("medium")
    try:
        values, error = Cosine.between(a, a, precision=torch.float32).block(EVERYTHING, EVERYTHING)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert np.abs(values.double().numpy() - cosines(a, a)).max() <= error < 1e-3


@pytest.mark.parametrize("convert", ["bfloat16", "float16", "float64", "strided", "read-only"])
def test_any_floating_input_is_matched(convert: str, tmp_path: Path) -> None:
    a = rows(30, 8).astype(np.float32)
    a /= np.abs(a).max(axis=1, keepdims=True)
    given: object = a
    match convert:
        case "bfloat16" | "float16" | "float64":
            given = torch.from_numpy(a).to(getattr(torch, convert))
        case "strided":
            given = np.asfortranarray(np.repeat(a, 2, axis=1))[:, ::2]
        case _:
            np.save(tmp_path / "a.npy", a)
            given = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert un.match(given, given).mean == pytest.approx(1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.array([[1.0], [np.nan]]), np.ones((2, 1)), "a holds NaN or infinity, first in row 1"),
        (np.ones((2, 1)), np.array([[np.inf]]), "b holds NaN or infinity, first in row 0"),
        (np.ones((0, 3)), np.ones((2, 3)), "a is empty"),
        (np.ones((2, 3), dtype=int), np.ones((2, 3)), "a must be floating-point"),
        (np.ones((2, 3)), np.ones((2, 4)), "rows of one width, got d=3 and d=4"),
        (np.ones(3), np.ones((2, 3)), "a must have two dimensions"),
    ],
)
def test_bad_input_is_named(a: np.ndarray, b: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        un.match(a, b)


def test_precision_is_checked() -> None:
    with pytest.raises(InvalidInputError, match="precision must be float64, float32 or bfloat16"):
        Cosine.between(np.ones((1, 1)), np.ones((1, 1)), precision=torch.float16)
