"""Features are present as often, and as tied, as their world says."""

from __future__ import annotations

import pytest
import torch

from universality.errors import InvalidInputError
from universality.toy.features import make_world, sample_features
from universality.toy.training import generators_of

N = 40_000


def test_pairs_hold_always_and_marginals_within_three_sigma() -> None:
    p = torch.tensor([[0.1] * 4 + [0.3] * 4 + [0.05, 0.9], [0.2] * 4 + [0.5] * 4 + [0.0, 1.0]])
    world = make_world(2, 10, probability=p, correlated_pairs=2, anticorrelated_pairs=2)
    x = sample_features(world, N, generators_of(0, 2, "test"))
    present = x > 0
    assert torch.equal(present[..., 0:4:2], present[..., 1:4:2])
    assert not (present[..., 4:8:2] & present[..., 5:8:2]).any()
    sigma = (p * (1 - p) / N).sqrt()
    assert ((present.float().mean(dim=1) - p).abs() <= 3 * sigma + 1e-4).all()
    assert float(x.max()) < 1
    assert float(x[present].mean()) == pytest.approx(0.5, abs=0.01)
    values = x[0, present[0, :, 0]]
    assert not torch.equal(values[:, 0], values[:, 1])  # together, but each with its own value


def test_independent_features_are_independent() -> None:
    world = make_world(1, 6, probability=0.3)
    present = (sample_features(world, N, generators_of(1, 1, "test")) > 0).float()[0]
    correlation = torch.corrcoef(present.T)
    off = correlation[~torch.eye(6, dtype=torch.bool)]
    assert float(off.abs().max()) < 4 / N**0.5


def test_an_instance_sees_the_same_alone_as_in_company() -> None:
    together = sample_features(make_world(3, 5), 100, generators_of(4, 3, "test"))
    alone = sample_features(make_world(1, 5), 100, generators_of(4, 3, "test")[1:2])
    assert torch.equal(together[1:2], alone)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"probability": 1.2}, r"must lie in \[0, 1\]"),
        ({"probability": -0.1}, r"must lie in \[0, 1\]"),
        ({"probability": float("nan")}, r"must lie in \[0, 1\]"),
        ({"probability": 0.6, "anticorrelated_pairs": 1}, "half of the time"),
        ({"correlated_pairs": 3}, "3 pairs need 6 features, there are 5"),
        ({"correlated_pairs": 1, "anticorrelated_pairs": 2}, "need 6 features"),
        ({"correlated_pairs": -1}, "must not be negative"),
        ({"probability": [0.1, 0.2, 0.3]}, "do not fit 2 instances"),
    ],
)
def test_a_world_that_cannot_be_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        make_world(2, 5, **options)  # type: ignore[arg-type]


def test_pairs_of_two_probabilities_are_refused() -> None:
    p = torch.tensor([[0.1, 0.2, 0.1]])
    with pytest.raises(InvalidInputError, match="one probability"):
        make_world(1, 3, probability=p, correlated_pairs=1)
