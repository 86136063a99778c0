"""The assignment against SciPy's dense optimum, on every path to it, and what it must not see."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import universality as un
from tests.matching.problems import KINDS, best_total, cosines, problem
from universality.errors import InvalidInputError
from universality.matching import Tiling, assign, find_candidates
from universality.similarity import Cosine

SHAPES = [(1, 1), (1, 7), (7, 1), (2, 2), (13, 13), (20, 30), (45, 20), (64, 64), (10, 200)]
LARGE_SHAPES = [(100, 100), (150, 170), (300, 200)]


def sparse(width: int, *, block_rows: int = 16, block_cols: int = 128) -> Tiling:
    """A tiling that never takes the dense way and starts from few candidates."""
    return Tiling(
        width=width, restricted=width, block_rows=block_rows, block_cols=block_cols, dense_below=0
    )


@settings(
    max_examples=320,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
@given(
    kind=st.sampled_from(KINDS),
    shape=st.one_of(*[st.sampled_from(SHAPES)] * 9, st.sampled_from(LARGE_SHAPES)),
    width=st.sampled_from([1, 2, 4]),
    block_rows=st.sampled_from([5, 16]),
    absolute=st.booleans(),
    seed=st.integers(0, 1_000),
)
@example(kind="half shared", shape=(400, 700), width=1, block_rows=16, absolute=False, seed=0)
@example(kind="clusters", shape=(700, 400), width=2, block_rows=16, absolute=True, seed=0)
def test_sparse_total_is_scipys_and_verifies(
    kind: str, shape: tuple[int, int], width: int, block_rows: int, absolute: bool, seed: int
) -> None:
    a, b = problem(kind, *shape, seed=seed)
    similarity = Cosine.between(a, b, absolute=absolute)
    matching = assign(similarity, tiling=sparse(width, block_rows=block_rows), progress=False)
    values = np.abs(cosines(a, b)) if absolute else cosines(a, b)
    assert abs(matching.total - best_total(values)) <= 1e-9 * matching.n_pairs
    assert matching.certified
    assert un.verify(matching, a, b, absolute=absolute).problems == ()


@pytest.mark.parametrize("shape", [(60, 60), (100, 120), (120, 100), (200, 200)])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32, torch.float64])
def test_few_candidates_need_several_rounds_and_end_at_the_optimum(
    shape: tuple[int, int], width: int, precision: torch.dtype
) -> None:
    a, b = problem("half shared", *shape)
    matching = assign(
        Cosine.between(a, b, precision=precision), tiling=sparse(width), progress=False
    )
    assert matching.rounds >= 2
    assert matching.certified
    assert abs(matching.total - best_total(cosines(a, b))) < 1e-9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (40, 40), (30, 50), (50, 30), (5, 300)])
def test_dense_way_gives_the_same(kind: str, shape: tuple[int, int]) -> None:
    a, b = problem(kind, *shape)
    matching = un.match(a, b)
    assert matching.certified
    assert abs(matching.total - best_total(cosines(a, b))) < 1e-9
    assert un.verify(matching, a, b)


@pytest.mark.parametrize("shape", [(1_500, 1_500), (1_100, 1_600)])
def test_default_plan_above_the_dense_size(shape: tuple[int, int]) -> None:
    a, b = problem("half shared", *shape, d=64)
    matching = un.match(a, b)
    assert matching.certified
    assert abs(matching.total - best_total(cosines(a, b))) <= 1e-9 * matching.n_pairs
    assert un.verify(matching, a, b)


@pytest.mark.slow
def test_larger_square_and_rectangle() -> None:
    for shape in [(4_096, 4_096), (3_000, 6_000)]:
        a, b = problem("half shared", *shape, d=128)
        matching = un.match(a.astype(np.float32), b.astype(np.float32))
        exact = cosines(a.astype(np.float32), b.astype(np.float32))
        assert matching.certified
        assert abs(matching.total - best_total(exact)) <= 1e-9 * matching.n_pairs


def test_all_equal_rows_beyond_any_list_are_still_settled() -> None:
    a = np.ones((1_200, 4))
    matching = assign(Cosine.between(a, a), tiling=Tiling(dense_below=0), progress=False)
    assert matching.certified
    assert matching.total == pytest.approx(1_200, abs=1e-9)


def _invariant_totals() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    a, b = problem("half shared", 120, 150, d=24)
    rotation = np.linalg.qr(rng.normal(size=(24, 24)))[0]
    return {
        "as it is": (a, b),
        "rows permuted": (a[rng.permutation(120)], b[rng.permutation(150)]),
        "rows rescaled": (a * rng.uniform(1e-3, 1e3, (120, 1)), b * 1e-30),
        "rotated": (a @ rotation, b @ rotation),
        "sides exchanged": (b, a),
        "huge": (a * 1e200, b * 1e-200),
    }


@pytest.mark.parametrize("change", _invariant_totals())
@pytest.mark.parametrize("dense_below", [0, 1_000])
def test_total_does_not_see(change: str, dense_below: int) -> None:
    a, b = _invariant_totals()[change]
    tiling = Tiling(width=2, restricted=2, dense_below=dense_below)
    reference = best_total(cosines(*_invariant_totals()["as it is"]))
    total = assign(Cosine.between(a, b), tiling=tiling, progress=False).total
    assert total == pytest.approx(reference, abs=1e-9)


def test_permutation_of_itself_is_recovered() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(200, 16))
    order = rng.permutation(200)
    matching = assign(Cosine.between(a[order], a), tiling=sparse(2), progress=False)
    assert (matching.partner_of_a == order).all()
    assert (matching.partner_of_b[order] == np.arange(200)).all()
    assert matching.mean == pytest.approx(1.0)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("tiling", [sparse(1), sparse(4, block_rows=7, block_cols=33), sparse(64)])
def test_total_depends_neither_on_screening_nor_on_blocks(
    precision: torch.dtype, tiling: Tiling
) -> None:
    a, b = problem("half shared", 150, 150)
    first = assign(Cosine.between(a, b, precision=precision), tiling=tiling, progress=False)
    again = assign(Cosine.between(a, b, precision=precision), tiling=tiling, progress=False)
    assert first.total == pytest.approx(best_total(cosines(a, b)), abs=1e-9)
    assert (first.b == again.b).all()
    assert (first.v == again.v).all()


def test_total_does_not_depend_on_threads() -> None:
    a, b = problem("half shared", 300, 300)
    before, totals = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        totals.append(assign(Cosine.between(a, b), tiling=sparse(4), progress=False).total)
    torch.set_num_threads(before)
    assert totals[0] == pytest.approx(totals[1], abs=1e-9)


def test_candidates_spare_the_pass_and_change_nothing() -> None:
    a, b = problem("half shared", 200, 260)
    similarity = Cosine.between(a, b)
    candidates = find_candidates(similarity, k=2, tiling=sparse(4), progress=False)
    matching = assign(similarity, candidates=candidates, tiling=sparse(4), progress=False)
    assert matching.certified
    assert matching.total == pytest.approx(best_total(cosines(a, b)), abs=1e-9)


def test_candidates_of_a_part_are_refused() -> None:
    a, b = problem("random", 20, 30)
    similarity = Cosine.between(a, b)
    part = find_candidates(similarity, rows=range(5, 20), progress=False)
    with pytest.raises(InvalidInputError, match="must cover every pair"):
        assign(similarity, candidates=part, tiling=sparse(4), progress=False)


@pytest.mark.parametrize("shape", [(300, 300), (200, 400), (400, 200)])
def test_stopped_at_once_it_returns_a_whole_matching_with_a_true_gap(
    shape: tuple[int, int],
) -> None:
    a, b = problem("half shared", *shape)
    matching = assign(Cosine.between(a, b), tiling=sparse(2), time_limit=0.0, progress=False)
    best = best_total(cosines(a, b))
    assert not matching.certified
    assert matching.n_pairs == min(shape)
    assert matching.total <= best + 1e-9
    assert matching.upper_bound >= best - 1e-9
    assert un.verify(matching, a, b).problems == ()


@pytest.mark.parametrize("looks", [1, 4, 9, 12, 40])
@pytest.mark.parametrize("shape", [(150, 200), (200, 150)])
def test_stopped_anywhere_the_bound_is_true(
    looks: int, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock passes the limit at the given look at it: while sampling, screening, solving."""
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    a, b = problem("half shared", *shape)
    tiling = Tiling(width=4, restricted=2, block_rows=32, block_cols=64, dense_below=0)
    matching = assign(Cosine.between(a, b), tiling=tiling, time_limit=looks - 0.5, progress=False)
    best = best_total(cosines(a, b))
    assert matching.n_pairs == min(shape)
    assert matching.total <= best + 1e-9
    assert matching.upper_bound >= best - 1e-9
    assert un.verify(matching, a, b).problems == ()


def test_time_limit_must_not_be_negative() -> None:
    with pytest.raises(InvalidInputError, match="time_limit"):
        un.match(np.ones((2, 2)), np.ones((2, 2)), time_limit=-1.0)


def test_progress_names_the_phases(capfd: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    a, b = problem("half shared", 300, 300)
    assign(Cosine.between(a, b), tiling=sparse(1))
    shown = capfd.readouterr().err
    assert "looking at every pair" in shown
    assert "round=1" in shown
    assert "violations" in shown
    assert "gap" in shown


@pytest.mark.parametrize("field", ["width", "restricted", "block_rows", "block_cols"])
def test_plan_refuses_empty_blocks(field: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{field} must be at least 1, got 0"):
        Tiling(**{field: 0})


@pytest.mark.parametrize("field", ["near", "margin"])
def test_plan_refuses_negative_distances(field: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{field} must not be negative"):
        Tiling(**{field: -0.1})


def test_a_device_that_is_none_is_named() -> None:
    rows = np.ones((2, 2))
    with pytest.raises(InvalidInputError, match="gpu0 cannot be used here"):
        un.match(rows, rows, device="gpu0")
    with pytest.raises(InvalidInputError, match="gpu0 cannot be used here"):
        un.verify(un.match(rows, rows), rows, rows, device="gpu0")
