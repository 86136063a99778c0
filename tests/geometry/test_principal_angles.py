"""Principal angles of many small spans: SciPy as oracle, given rows, dependent rows."""

import pytest
import torch
from scipy.linalg import subspace_angles
from torch.nn.functional import normalize

from universality.geometry.principal_angles import cosine_with_span, span_angles

D = 12


def rows(*shape, seed):
    return normalize(
        torch.randn(*shape, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64),
        dim=-1,
    )


@pytest.mark.parametrize(("k_a", "k_b"), [(1, 1), (1, 3), (3, 2), (4, 4)])
def test_the_largest_angle_is_scipys(k_a, k_b):
    a, b = rows(5, k_a, seed=1), rows(5, k_b, seed=2)
    found = span_angles(a, b)
    slow = [
        float(subspace_angles(x.T.numpy(), y.T.numpy()).max()) for x, y in zip(a, b, strict=True)
    ]
    assert found.cosine.acos().tolist() == pytest.approx(slow, abs=1e-6)
    assert found.smaller.tolist() == [min(k_a, k_b)] * 5
    assert found.larger.tolist() == [max(k_a, k_b)] * 5


def test_a_span_turned_in_itself_agrees_and_beyond_given_rows_only_the_rest_counts():
    """x and y against y and x + 2y: beyond y, which both have, both say x."""
    x, y = torch.eye(D, dtype=torch.float64)[:2]
    mixed = normalize(x + 2 * y, dim=0)
    a, b = torch.stack([y, x])[None], torch.stack([y, mixed])[None]
    for given in (0, 1):
        assert float(span_angles(a, b, n_given=given).cosine) == pytest.approx(1)
    other = torch.stack([y, normalize(torch.eye(D, dtype=torch.float64)[5] + 2 * y, dim=0)])[None]
    assert float(span_angles(a, other, n_given=1).cosine) == pytest.approx(0, abs=1e-9)


def test_a_row_twice_adds_no_dimension():
    a, b = rows(1, 2, seed=1), rows(1, 3, seed=2)
    twice = torch.cat([a, a[:, :1]], dim=1)
    found, once = span_angles(twice, b), span_angles(a, b)
    assert (int(found.smaller), int(found.larger)) == (2, 3)
    assert float(found.cosine) == pytest.approx(float(once.cosine))


def test_a_latent_of_the_span_lies_in_it():
    span = rows(3, seed=1)
    inside = normalize(span.sum(dim=0, keepdim=True), dim=1)
    assert float(cosine_with_span(inside, span)) == pytest.approx(1)
    assert float(cosine_with_span(rows(1, seed=9), span)) < 1
