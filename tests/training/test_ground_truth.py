"""Planted features: every architecture finds them, the floors do not."""

import pytest
import torch

import universality as un
from tests.made_caches import write_cache
from universality.synthetic import draw_tokens, make_truth
from universality.training.architectures import make_architecture
from universality.training.data import training_data
from universality.training.finish import named
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer

N, D = 48, 32
RECIPES = {
    "topk": {"k": 3},
    "batchtopk": {"k": 2},
    "relu": {"l1": 2.0},
    "relu_tied": {"l1": 1.5},
    "gated": {"l1": 3.0},
    "jumprelu": {"target_l0": 2.0},
}
FLOORS = {"frozen_decoder": {"k": 3}, "soft_frozen_decoder": {"k": 3}}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    generator = torch.Generator().manual_seed(0)
    truth = make_truth(N, D, generator=generator, mean_l0=2.2, zipf=0.0)
    tokens = draw_tokens(truth, 40_000, generator=generator)
    shown = tokens.x[tokens.codes.sum(dim=1) > 0]
    cache = write_cache(tmp_path_factory.mktemp("made") / "cache", shown)
    return truth, training_data(cache, held_out=0.02, in_memory=True)


def recovered(world, name, options, seed, *, n_tokens=1_000_000):
    """Share of the features that the one-to-one assignment finds at a cosine above .95."""
    truth, data = world
    resampling = "simple" if name == "relu_tied" else "none"
    settings = TrainingSettings(
        d_sae=N, architecture=make_architecture(name, options), init_seed=seed, order_seed=seed,
        n_tokens=n_tokens, batch_size=256, learning_rate=2e-2, dtype="float32", held_out=0.02,
        resampling=resampling,
    )  # fmt: skip
    trainer = Trainer(settings, data)
    while not trainer.finished:
        trainer.advance()
    found = named(trainer, torch.float32).W_dec
    matching = un.match(found, truth.dictionary.W_dec, progress=False)
    return float((torch.as_tensor(matching.similarity) > 0.95).float().mean())


def test_topk_finds_the_features_and_a_frozen_decoder_does_not(world):
    assert recovered(world, "topk", {"k": 3}, 0, n_tokens=500_000) >= 0.8
    assert recovered(world, "frozen_decoder", {"k": 3}, 0, n_tokens=100_000) < 0.1


@pytest.mark.campaign
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_every_architecture_finds_nine_in_ten(world, name, seed):
    assert recovered(world, name, RECIPES[name], seed) >= 0.9


@pytest.mark.campaign
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", FLOORS)
def test_floors_find_next_to_none(world, name, seed):
    assert recovered(world, name, FLOORS[name], seed) < 0.2
