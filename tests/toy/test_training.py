"""Training side by side: instances are alone, frames are copies, the dead begin anew."""

from __future__ import annotations

import pytest
import torch

from universality.errors import InvalidInputError
from universality.toy.features import make_world
from universality.toy.model import ToyModel, repeat_model
from universality.toy.rules import RULES
from universality.toy.training import generators_of, train_autoencoders
from universality.training.resampling import Resampling


def _model(n_inst: int) -> ToyModel:
    angles = torch.arange(5) * 2 * torch.pi / 5
    one = ToyModel(torch.stack([angles.cos(), angles.sin()])[None], torch.zeros(1, 5))
    return repeat_model(one, n_inst)


@pytest.mark.parametrize("architecture", RULES)
def test_stacked_equals_alone(architecture: str) -> None:
    """200 steps in float64, resampling in between, to 1e-6."""
    rounds = Resampling(method="advanced", every=60, window=20)
    found = []
    for n in (4, 1):
        world = make_world(n, 5, probability=0.05)
        found.append(
            train_autoencoders(
                _model(n),
                world,
                RULES[architecture],
                n_steps=200,
                resampling=rounds,
                dtype=torch.float64,
            )
        )
    stacked, alone = found
    for name, tensor in alone.parameters.items():
        torch.testing.assert_close(stacked.parameters[name][:1], tensor, atol=1e-6, rtol=0)


def test_frames_are_copies() -> None:
    """A view of the live weights would show the last state in every frame."""
    trained = train_autoencoders(
        _model(2), make_world(2, 5), RULES["relu"], n_steps=100, n_frames=10
    )
    first, last = trained.frames[0], trained.frames[-1]
    assert [frame.step for frame in trained.frames] == [*range(0, 100, 10), 100]
    for name in ("W_enc", "W_dec", "reconstruction"):
        assert not torch.equal(getattr(first, name), getattr(last, name))
    assert torch.equal(last.W_enc, trained.parameters["W_enc"])
    torch.testing.assert_close(last.W_dec.norm(dim=2), torch.ones(2, 5))
    assert last.active_fraction.max() > 0
    with torch.no_grad():
        back = RULES["relu"].loss(trained.parameters, trained.probe).reconstruction
    torch.testing.assert_close(back, last.reconstruction)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_all_dead_and_none_dead(probability: float) -> None:
    """Where nothing is ever present all latents are dead; where all is, hardly any."""
    trained = train_autoencoders(
        _model(3),
        make_world(3, 5, probability=probability),
        RULES["relu"],
        n_steps=120,
        resampling=Resampling(method="simple", every=50, window=10),
    )
    assert all(torch.isfinite(tensor).all() for tensor in trained.parameters.values())
    rounds, latents = 2, 15
    if probability == 0.0:
        assert trained.n_resampled == rounds * latents
    else:
        assert trained.n_resampled < latents


def test_a_seed_gives_the_same_and_another_does_not() -> None:
    def run(seed: int) -> torch.Tensor:
        return train_autoencoders(
            _model(1), make_world(1, 5), RULES["jumprelu"], n_steps=20, seed=seed
        ).parameters["W_enc"]

    assert torch.equal(run(3), run(3))
    assert not torch.equal(run(3), run(4))


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="seed"):
        generators_of(-1, 2, "test")
    with pytest.raises(InvalidInputError, match="steps"):
        train_autoencoders(_model(1), make_world(1, 5), RULES["relu"], n_steps=0)
    with pytest.raises(InvalidInputError, match="1 or more"):
        train_autoencoders(_model(1), make_world(1, 5), RULES["relu"], d_sae=0)
    with pytest.raises(InvalidInputError, match="instances of 5 features"):
        train_autoencoders(_model(2), make_world(1, 5), RULES["relu"], n_steps=5)
