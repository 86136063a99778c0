"""Training on planted directions, and the promise that a resumed run is the uninterrupted one."""

from pathlib import Path

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.made_caches import write_cache
from universality.errors import FormatError, OutputError, UniversalityError
from universality.training.architectures import ReLURecipe, TopKRecipe
from universality.training.data import training_data
from universality.training.inputs import Presentations, input_statistics
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer

D_IN, N_TRUE = 32, 40


def _planted(n_tokens: int, *, seed: int = 1234) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit directions, and tokens that are each the positive sum of three of them."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(N_TRUE, D_IN, generator=generator)
    directions /= directions.norm(dim=1, keepdim=True)
    chosen = torch.rand(n_tokens, N_TRUE, generator=generator).topk(3).indices
    sizes = 1 + torch.rand(n_tokens, 3, generator=generator)
    codes = torch.zeros(n_tokens, N_TRUE).scatter_(1, chosen, sizes)
    return directions, codes @ directions


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    directions, tokens = _planted(20_000)
    return directions, write_cache(tmp_path_factory.mktemp("made") / "cache", 7 * tokens)


def _settings(**options):
    defaults = {
        "d_sae": 2 * N_TRUE, "architecture": TopKRecipe(3), "n_tokens": 50_000, "batch_size": 256,
        "learning_rate": 2e-2,
    }  # fmt: skip
    return TrainingSettings(**(defaults | options))


def _trained(cache, settings, *, steps=None):
    trainer = Trainer(settings, training_data(cache))
    for _ in range(settings.n_steps if steps is None else steps):
        trainer.advance()
    return trainer


def _mean_assigned_cosine(a, b):
    a, b = (rows / rows.norm(dim=1, keepdim=True) for rows in (a, b))
    cosines = (a @ b.T).numpy()
    return cosines[linear_sum_assignment(cosines, maximize=True)].mean()


@pytest.mark.parametrize(
    ("options", "reached"),
    [
        ({}, 0.95),
        ({"dtype": "bfloat16", "init_seed": 5}, 0.95),
        ({"decoder": "dense"}, 0.95),
        (
            {
                "architecture": ReLURecipe(l1=1.0),
                "d_sae": N_TRUE,
                "n_tokens": 150_000,
                "batch_size": 512,
                "learning_rate": 3e-2,
            },
            0.9,
        ),
    ],
)
def test_planted_directions_are_recovered(planted, options, reached):
    directions, cache = planted
    found = _trained(cache, _settings(**options)).dictionary().W_dec
    untrained = _trained(cache, _settings(**options), steps=0).dictionary().W_dec
    assert _mean_assigned_cosine(found, directions) > reached
    assert _mean_assigned_cosine(untrained, directions) < 0.65


def test_dictionary_works_on_raw_tokens_with_unit_decoder_rows(planted):
    _, cache = planted
    dictionary = _trained(cache, _settings()).dictionary()
    x = cache.shards[0].activations[:500].float()
    rebuilt = dictionary.decode(dictionary.encode(x))
    unexplained = (x - rebuilt).square().sum() / (x - x.mean(dim=0)).square().sum()
    assert unexplained < 0.2
    torch.testing.assert_close(dictionary.W_dec.norm(dim=1), torch.ones(2 * N_TRUE))


def test_resumed_run_is_the_uninterrupted_one_bit_for_bit(planted, tmp_path):
    _, cache = planted
    settings = _settings(n_tokens=30_000, dead_window=0.05)
    whole = _trained(cache, settings)
    broken = _trained(cache, settings, steps=50)
    broken.save(tmp_path / "state", {})
    resumed = Trainer(settings, training_data(cache))
    resumed.restore(tmp_path / "state", {})
    while not resumed.finished:
        resumed.advance()
    for ours, theirs in zip(resumed.parameters.values(), whole.parameters.values(), strict=True):
        assert torch.equal(ours, theirs)
    assert vars(resumed.note_progress()) == vars(whole.note_progress())
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_seeds_of_weights_and_of_order_are_separate(planted):
    _, cache = planted

    def start(**seeds):
        return _trained(cache, _settings(**seeds), steps=0).dictionary().W_dec

    def end(**seeds):
        return _trained(cache, _settings(**seeds), steps=3).dictionary().W_dec

    assert torch.equal(start(init_seed=1, order_seed=0), start(init_seed=1, order_seed=5))
    assert not torch.equal(start(init_seed=0), start(init_seed=1))
    assert torch.equal(end(init_seed=1, order_seed=2), end(init_seed=1, order_seed=2))
    assert not torch.equal(end(init_seed=1, order_seed=0), end(init_seed=1, order_seed=5))


def test_every_row_is_shown_once_an_epoch_in_a_new_order():
    shown = Presentations(100, batch_size=30, order_seed=4)
    rows = torch.cat([shown.rows(step) for step in range(10)])
    epochs = rows.view(3, 100)
    for epoch in epochs:
        assert epoch.sort().values.tolist() == list(range(100))
    assert not torch.equal(epochs[0], epochs[1])
    again = Presentations(100, batch_size=30, order_seed=4)
    assert torch.equal(again.rows(7), rows[210:240])
    assert torch.equal(again.between(95, 205), rows[95:205])


def test_statistics_scale_tokens_to_the_root_of_d_in(planted):
    _, cache = planted
    statistics = input_statistics(cache)
    x = torch.cat([shard.activations for shard in cache.shards]).double() * statistics.scale
    assert float(x.norm(dim=1).mean()) == pytest.approx(D_IN**0.5, rel=1e-5)
    torch.testing.assert_close(statistics.mean.double(), x.mean(dim=0), rtol=1e-3, atol=1e-4)
    assert statistics.variance == pytest.approx(float(x.var(dim=0).sum()), rel=1e-3)


def test_dead_latents_come_back(planted):
    _, cache = planted
    dead = {}
    for weight in (0.0, 1 / 32):
        settings = _settings(d_sae=N_TRUE, dead_weight=weight)
        trainer = Trainer(settings, training_data(cache))
        with torch.no_grad():
            trainer.parameters["b_enc"][:10] = -3.0
        while not trainer.finished:
            trainer.advance()
        dead[weight] = trainer.note_progress().dead_fraction
    assert dead[0.0] == 0.25
    assert dead[1 / 32] < 0.15


def test_state_of_other_settings_or_a_damaged_one_is_refused(planted, tmp_path):
    _, cache = planted
    path = tmp_path / "state"
    _trained(cache, _settings(), steps=1).save(path, {"k": 3})
    other = Trainer(_settings(init_seed=9), training_data(cache))
    with pytest.raises(
        OutputError, match="an unfinished run made from something else: k was 3, is now 4"
    ):
        other.restore(path, {"k": 4})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FormatError, match="cannot be read, it is damaged"):
        other.restore(path, {"k": 4})


def test_divergence_names_the_flag(planted):
    _, cache = planted
    trainer = _trained(cache, _settings(), steps=0)
    with torch.no_grad():
        trainer.parameters["b_dec"][0] = torch.inf
    with pytest.raises(UniversalityError, match="diverged at step 0: lower --lr"):
        trainer.advance()


def test_constant_tokens_are_refused(tmp_path: Path):
    with pytest.raises(UniversalityError, match="all activations are equal"):
        input_statistics(write_cache(tmp_path / "c", torch.ones(50, 4)))
