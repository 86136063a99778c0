"""The canonical dictionary: what it checks, and what it says of directions and tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from universality.activation_functions import ReLU, TopK
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError, UnsupportedError
from universality.input_normalization import ConstantNorm, LayerNorm, Standardize

N, D = 12, 5


def _draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _made(**changes: object) -> Dictionary:
    parts = {"W_dec": _draw(N, D), "W_enc": _draw(N, D, seed=1), "activation_fn": ReLU()}
    return Dictionary(**{**parts, **changes})


def test_encode_and_decode_are_plain_algebra() -> None:
    b_enc, b_dec, x = _draw(N, seed=2), _draw(D, seed=3), _draw(7, D, seed=4)
    dictionary = _made(b_enc=b_enc, b_dec=b_dec, apply_b_dec_to_input=True)
    codes = torch.clamp((x - b_dec) @ dictionary.W_enc.T + b_enc, min=0)
    assert torch.allclose(dictionary.encode(x), codes, atol=1e-6)
    assert torch.allclose(dictionary.decode(codes), codes @ dictionary.W_dec + b_dec, atol=1e-6)


def test_directions_undo_a_scaling_by_dimension() -> None:
    """Raw directions of a dictionary on scaled tokens are those it would have had on raw ones."""
    scale = torch.tensor([0.5, 1.0, 2.0, 4.0, 0.25])
    raw = _made()
    scaled = _made(
        W_dec=raw.W_dec * scale,
        W_enc=raw.W_enc / scale,
        input_normalization=Standardize(torch.zeros(D), scale),
    )
    x = _draw(7, D, seed=4)
    assert torch.allclose(scaled.encode(x), raw.encode(x), atol=1e-5)
    for view in ("decoder", "encoder"):
        assert torch.allclose(scaled.directions(view), raw.directions(view), atol=1e-6)


def test_a_common_factor_leaves_directions_alone() -> None:
    dictionary = _made(input_normalization=Standardize(torch.ones(D), torch.full((D,), 3.0)))
    assert dictionary.directions("decoder") is dictionary.W_dec


@pytest.mark.parametrize("rule", [LayerNorm(), ConstantNorm()])
def test_a_perfect_code_comes_back_through_the_normalisation(rule: object) -> None:
    """An identity dictionary with both signs reconstructs tokens whatever their scale."""
    eye = torch.eye(D)
    both = torch.cat([eye, -eye])
    dictionary = Dictionary(W_dec=both, W_enc=both, activation_fn=ReLU(), input_normalization=rule)
    x = _draw(7, D, seed=4) * torch.logspace(-2, 2, 7)[:, None] + 5
    assert torch.allclose(dictionary.decode(dictionary.encode(x), x), x, rtol=1e-3, atol=1e-3)


def test_a_bare_decoder_has_one_view() -> None:
    bare = Dictionary(W_dec=_draw(N, D))
    assert bare.views == ("decoder",)
    with pytest.raises(UnsupportedError, match="is a bare decoder: it has no encoder view"):
        bare.directions("encoder")
    with pytest.raises(UnsupportedError, match="cannot encode with in memory"):
        bare.encode(_draw(2, D))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: d.encode(_draw(2, D + 1)), "tokens have width 6"),
        (lambda d: d.decode(_draw(2, N + 1)), "codes have width 13"),
    ],
)
def test_wrong_widths(call: Callable[[Dictionary], object], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call(_made())


def test_decoding_that_needs_the_tokens_asks_for_them() -> None:
    dictionary = _made(input_normalization=LayerNorm())
    with pytest.raises(InvalidInputError, match="pass the tokens too"):
        dictionary.decode(_draw(2, N))


def test_a_pre_bias_needs_one_width() -> None:
    with pytest.raises(InvalidInputError, match="cannot be subtracted from the input"):
        _made(W_dec=_draw(N, D + 1), b_dec=_draw(D + 1), apply_b_dec_to_input=True)


def test_a_k_above_the_width_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="k=13 exceeds d_sae=12"):
        _made(activation_fn=TopK(13)).encode(_draw(2, D))
