"""The toy model: its loss by hand, its geometry on shapes that are known."""

from __future__ import annotations

import math

import pytest
import torch
from jaxtyping import config

from universality.errors import InvalidInputError
from universality.toy.features import make_world
from universality.toy.model import (
    ToyModel,
    dimensionality,
    hidden_of,
    outputs_of,
    toy_loss,
    truth_of,
)
from universality.toy.training import train_toy_model


def _pentagon(n: int = 5) -> ToyModel:
    angles = torch.arange(n) * 2 * math.pi / n
    return ToyModel(torch.stack([angles.cos(), angles.sin()])[None], torch.zeros(1, n))


def test_loss_is_the_mean_over_inputs_and_features_and_the_sum_over_instances() -> None:
    generator = torch.Generator().manual_seed(0)
    model = ToyModel(
        torch.randn(3, 2, 4, generator=generator), torch.randn(3, 4, generator=generator)
    )
    x = torch.rand(3, 7, 4, generator=generator)
    importance = torch.tensor([1.0, 0.5, 2.0, 0.0])
    total = 0.0
    for i in range(3):
        for row in x[i]:
            back = (model.W[i].T @ (model.W[i] @ row) + model.b_final[i]).relu()
            total += float((importance * (back - row) ** 2).sum()) / (7 * 4)
    assert float(toy_loss(model, x, importance)) == pytest.approx(total, rel=1e-5)


def test_features_of_a_pentagon_have_two_fifths_of_a_dimension_each() -> None:
    torch.testing.assert_close(dimensionality(_pentagon()), torch.full((1, 5), 0.4))
    orthogonal = ToyModel(torch.eye(3)[None], torch.zeros(1, 3))
    torch.testing.assert_close(dimensionality(orthogonal), torch.ones(1, 3))
    opposite = ToyModel(torch.tensor([[[1.0, -1.0]]]), torch.zeros(1, 2))
    torch.testing.assert_close(dimensionality(opposite), torch.full((1, 2), 0.5))
    dropped = ToyModel(torch.tensor([[[1.0, 0.0]]]), torch.zeros(1, 2))
    torch.testing.assert_close(dimensionality(dropped), torch.tensor([[1.0, 0.0]]))


def test_the_truth_reads_and_writes_what_the_model_does() -> None:
    model = _pentagon()
    truth = truth_of(model, make_world(1, 5))
    hidden = hidden_of(model, torch.rand(1, 9, 5, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(truth.encode(hidden[0]), outputs_of(model, hidden)[0])
    torch.testing.assert_close(truth.W_dec, model.W[0].T)
    assert truth.firing is not None
    torch.testing.assert_close(truth.firing.frequency, torch.full((5,), 0.025))


def test_instances_do_not_touch_each_other() -> None:
    """Stacked or alone, in float64 and to 1e-6 (here: to rounding)."""
    options = {"n_steps": 200, "dtype": torch.float64}
    stacked = train_toy_model(make_world(3, 5, probability=0.2), 2, **options)
    alone = train_toy_model(make_world(1, 5, probability=0.2), 2, **options)
    torch.testing.assert_close(stacked.W[:1], alone.W, atol=1e-9, rtol=0)


def test_wrong_widths_are_refused() -> None:
    config.update("jaxtyping_disable", True)  # production has no checked annotations
    try:
        with pytest.raises(InvalidInputError, match="b_final must have shape"):
            ToyModel(torch.zeros(2, 2, 5), torch.zeros(2, 4))
    finally:
        config.update("jaxtyping_disable", False)
    with pytest.raises(InvalidInputError, match="1 instances of 5 features"):
        hidden_of(_pentagon(), torch.zeros(1, 3, 4))
    with pytest.raises(InvalidInputError, match="no instance 2"):
        truth_of(_pentagon(), make_world(1, 5), 2)
    with pytest.raises(InvalidInputError, match="one number for each of the 5"):
        train_toy_model(make_world(1, 5), 2, importance=torch.ones(4))
    with pytest.raises(InvalidInputError, match="steps"):
        train_toy_model(make_world(1, 5), 2, n_steps=0)
