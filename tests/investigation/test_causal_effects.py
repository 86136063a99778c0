"""Effects on the toy language model, where each can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.investigation.toy_language_model import (
    FALSE,
    HOOK,
    N_WORDS,
    REAL,
    V,
    X,
    Y,
    made_cache,
    made_language_model,
    made_run,
)
from universality.dictionary import Dictionary
from universality.encoding.streaming import encode
from universality.errors import UnsupportedError
from universality.input_normalization import ConstantNorm, LayerNorm, Standardize
from universality.investigation.causal_effects import (
    ablate,
    check_writes,
    hooked_model,
    pin,
    run_clean,
    written_by,
)
from universality.investigation.context_windows import windows_around
from universality.investigation.corpus import corpus_of
from universality.investigation.matched_controls import ContextPlan, effect_numbers
from universality.investigation.paired_effects import own_contexts, pair_effects
from universality.investigation.subjects import CodedOver, subject_of

PLAN = ContextPlan(n_contexts=6, n_paired=4, length=20, n_controls=3, n_random_pairs=3)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    cache = made_cache(tmp_path_factory.mktemp("toy") / "cache")
    run = made_run("a")
    over = CodedOver("a", run, encode(run, cache, progress=False))
    return hooked_model(made_language_model(), HOOK), corpus_of(cache), over


def _measured(world, latent: int):
    at, corpus, over = world
    subject = subject_of(over, latent)
    windows = windows_around(corpus, subject.trace, n=6, length=20)
    clean = run_clean(at, windows)
    return clean, ablate(at, clean, over.run, latent)


def _by_hand(tokens: np.ndarray, position: int, *, without: bool) -> float:
    """Log-probability of the token after a position, from the sentence about the toy alone."""
    logits = np.zeros(N_WORDS)
    logits[tokens[position]] = 0.1
    # The first position of a context is no token of the latent's: nothing is taken away there.
    feature = [
        3.0 if tokens[p] == X and not (without and p > 0) else 0.0 for p in (position, position - 1)
    ]
    logits[Y] += 0.5 * feature[0]
    logits[V] += 0.2 * feature[1] if position else 0.0
    return float(logits[tokens[position + 1]] - np.log(np.exp(logits).sum()))


def test_total_effect_is_the_one_worked_out_by_hand(world) -> None:
    clean, effects = _measured(world, REAL)
    tokens = clean.windows.tokens.numpy()
    for number in range(len(tokens)):
        for position in range(tokens.shape[1] - 1):
            expected = _by_hand(tokens[number], position, without=False) - _by_hand(
                tokens[number], position, without=True
            )
            assert float(effects.total[number, position]) == pytest.approx(expected, abs=1e-5)
    assert float(effects.total.max()) > 1  # y after x
    assert float(effects.total.min()) < -0.2  # another word after x


def test_what_only_upper_layers_read_has_no_direct_effect(world) -> None:
    _, effects = _measured(world, REAL)
    assert float(effects.direct.abs().max()) < 1e-6
    assert effect_numbers(effects)["mean_size"] > 0.1


def test_what_only_the_head_reads_has_no_other(world) -> None:
    _, effects = _measured(world, FALSE)
    torch.testing.assert_close(effects.direct, effects.total, rtol=1e-4, atol=1e-5)
    assert float(effects.total.abs().max()) > 0.01


def test_nothing_changes_before_the_first_firing_or_at_padding(world) -> None:
    clean, effects = _measured(world, REAL)
    fires = (effects.codes != 0).numpy()
    for number, row in enumerate(fires):
        first = int(row.argmax())
        assert not effects.total[number, :first].any()
    assert not effects.total[~clean.scored].any()
    assert not effects.codes[:, 0].any()


def test_pinning_raises_what_the_feature_promotes_where_it_was_silent(world) -> None:
    at, _, over = world
    clean, _ = _measured(world, 5)
    held = pin(at, clean, over.run, REAL, value=3.0)
    assert int(held.mean_rise.argmax()) == Y
    tokens = clean.windows.tokens
    silent_then_y = (tokens[:, :-1] != X) & (tokens[:, 1:] == Y)
    silent_then_y[:, 0] = False
    assert bool((held.rise[silent_then_y & clean.scored] > 0.5).all())


def test_pinning_at_its_own_code_changes_nothing(world) -> None:
    at, _, over = world
    clean, _ = _measured(world, REAL)
    fires_everywhere = Dictionary(
        W_dec=over.run.W_dec,
        W_enc=torch.zeros_like(over.run.W_dec),
        b_enc=torch.full((N_WORDS,), 2.0),
        activation_fn=over.run.activation_fn,
    )
    held = pin(at, clean, fires_everywhere, REAL, value=2.0)
    assert float(held.rise.abs().max()) < 1e-6


def test_a_decoy_that_fires_alike_is_exposed_by_what_it_does(world) -> None:
    at, corpus, over = world
    real, false = (own_contexts(at, subject_of(over, k), corpus, PLAN) for k in (REAL, FALSE))
    values = [one.subject.trace for one in (real, false)]
    assert np.array_equal(values[0].tokens, values[1].tokens)
    assert pair_effects(at, real, real).similarity == pytest.approx(1)
    assert pair_effects(at, real, false).similarity < 0.3


def test_a_latent_that_does_nothing_has_no_similarity(world) -> None:
    at, corpus, over = world
    inert = made_run("inert")
    inert.W_dec[FALSE] = 0
    real = own_contexts(at, subject_of(over, REAL), corpus, PLAN)
    nothing = own_contexts(
        at, subject_of(CodedOver("inert", inert, over.codes), FALSE), corpus, PLAN
    )
    assert math.isnan(pair_effects(at, real, nothing).similarity)


def test_half_of_the_contexts_are_of_judged_documents(world) -> None:
    _, corpus, over = world
    windows = windows_around(corpus, subject_of(over, REAL).trace, n=6, length=20)
    assert windows.judged.sum() == 3
    assert len({tuple(row[:3]) for row in windows.places.tolist()}) == 6


@pytest.mark.parametrize(
    "rule",
    [
        LayerNorm(),
        ConstantNorm(),
        Standardize(torch.linspace(-1, 1, 16), torch.linspace(0.5, 2, 16)),
    ],
)
def test_what_is_taken_away_is_the_latents_part_of_the_reconstruction(world, rule) -> None:
    """In the raw units of the hook, whatever the dictionary does to its input."""
    _, _, over = world
    clean, _ = _measured(world, REAL)
    generator = torch.Generator().manual_seed(0)
    run = Dictionary(
        W_dec=torch.randn(5, 16, generator=generator),
        W_enc=torch.randn(5, 16, generator=generator),
        activation_fn=over.run.activation_fn,
        input_normalization=rule,
    )
    x = clean.state.reshape(-1, 16)
    codes = run.encode(x)
    without = codes.clone()
    without[:, 2] = 0
    expected = (run.decode(codes, x) - run.decode(without, x)).reshape(clean.state.shape)
    _, written = written_by(run, 2, clean)
    torch.testing.assert_close(written, expected * clean.editable[..., None], rtol=1e-4, atol=1e-5)


def test_a_massive_state_is_left_alone(world) -> None:
    over = world[2]
    clean, _ = _measured(world, REAL)
    clean.state[0, 4] *= 1000
    codes, _ = written_by(over.run, REAL, clean)
    assert not clean.editable[0, 4]
    assert codes[0, 4] == 0


def test_a_transcoder_is_refused() -> None:
    run = made_run("t")
    skip = Dictionary(
        W_dec=run.W_dec, W_enc=run.W_enc, W_skip=torch.eye(16), activation_fn=run.activation_fn
    )
    with pytest.raises(UnsupportedError, match="transcoder"):
        check_writes(skip)
