"""What is saved is loaded again as the same dictionary, and a folder is whole or absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import universality as un
from tests.loading.fixtures import CHECKPOINTS, difference
from universality.activation_functions import (
    AbsTopK,
    ActivationFunction,
    Gated,
    GroupMax,
    Identity,
    JumpReLU,
    NotEncodable,
    ReLU,
    TopK,
)
from universality.dictionary import Dictionary, Firing, RunKey
from universality.errors import InvalidInputError, OutputError, UnsupportedError
from universality.input_normalization import (
    ConstantNorm,
    InputNormalization,
    LayerNorm,
    NoNormalization,
    Standardize,
)
from universality.saving import save

N, D = 24, 8


def _dictionary(
    rule: ActivationFunction,
    normalization: InputNormalization = NoNormalization(),
    *,
    dtype: torch.dtype = torch.float32,
    d_out: int = D,
    skip: bool = False,
) -> Dictionary:
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(dtype)

    return Dictionary(
        W_dec=draw(N, d_out),
        W_enc=draw(N, D),
        b_enc=None if isinstance(rule, Gated) else draw(N),
        b_dec=draw(d_out),
        W_skip=draw(d_out, D) if skip else None,
        activation_fn=rule,
        input_normalization=normalization,
        apply_b_dec_to_input=d_out == D and not skip,
        firing=Firing(torch.linspace(0, 1, N), "counted"),
        key=RunKey(model_name="m", hook_name="h", seed=5, step=70, dataset="text"),
    )


def _gated() -> Gated:
    return Gated(torch.randn(N), torch.randn(N), torch.randn(N))


CASES = {
    "relu": _dictionary(ReLU()),
    "topk": _dictionary(TopK(4)),
    "abstopk": _dictionary(AbsTopK(4)),
    "jumprelu": _dictionary(JumpReLU(torch.rand(N))),
    "gated": _dictionary(_gated()),
    "layer norm": _dictionary(TopK(4), LayerNorm()),
    "constant norm": _dictionary(ReLU(), ConstantNorm()),
    "half": _dictionary(TopK(4), dtype=torch.float16),
    "bfloat16": _dictionary(ReLU(), dtype=torch.bfloat16),
    "transcoder": _dictionary(ReLU(), d_out=6),
    "skip transcoder": _dictionary(JumpReLU(torch.rand(N)), d_out=6, skip=True),
}


@pytest.mark.parametrize("name", CASES)
def test_a_saved_dictionary_comes_back_the_same(name: str, tmp_path: Path) -> None:
    before = CASES[name]
    save(before, tmp_path / "run")
    after = un.load(tmp_path / "run")
    x = torch.randn(9, D, generator=torch.Generator().manual_seed(2))
    codes = before.encode(x)
    # Products of one matrix in two memory layouts differ in the last bits.
    torch.testing.assert_close(after.encode(x), codes, rtol=0, atol=1e-5)
    torch.testing.assert_close(after.decode(codes, x), before.decode(codes, x), rtol=0, atol=1e-5)
    assert torch.equal(after.W_dec, before.W_dec)
    assert after.W_dec.dtype == before.W_dec.dtype
    assert after.key == RunKey("m", "h", N, 5, 70, "text")
    assert before.firing is not None
    assert after.firing is not None
    assert difference(after.firing.frequency, before.firing.frequency) < 1e-6
    assert float(after.firing.frequency[0]) == 0


@pytest.mark.parametrize(
    ("dictionary", "words"),
    [
        (_dictionary(GroupMax(4)), "no architecture for GroupMax"),
        (_dictionary(Identity()), "no architecture for Identity"),
        (_dictionary(NotEncodable("it is odd")), "so that it encodes: it is odd; copy its own"),
        (_dictionary(TopK(4), d_out=6), "no transcoder with TopK"),
        (_dictionary(ReLU(), LayerNorm(1e-6)), "layer_norm has eps=1e-5"),
        (Dictionary(W_dec=torch.randn(N, D), activation_fn=ReLU()), "has no encoder"),
    ],
)
def test_what_saelens_cannot_express_is_refused(
    dictionary: Dictionary, words: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=words):
        save(dictionary, tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_nan_is_not_saved(tmp_path: Path) -> None:
    W_dec = torch.randn(N, D)
    W_dec[3, 0] = float("nan")
    with pytest.raises(InvalidInputError, match="W_dec holds NaN or infinity, first in row 3"):
        save(replace(CASES["relu"], W_dec=W_dec), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_kept_unless_told(tmp_path: Path) -> None:
    save(CASES["relu"], tmp_path / "run")
    with pytest.raises(OutputError, match="exists already"):
        save(CASES["topk"], tmp_path / "run")
    assert isinstance(un.load(tmp_path / "run").activation_fn, ReLU)
    save(CASES["topk"], tmp_path / "run", overwrite=True)
    assert isinstance(un.load(tmp_path / "run").activation_fn, TopK)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_interrupted_save_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("universality.saving.save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(CASES["relu"], tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("case", ["saelens/gated", "dictionary_learning/batchtopk", "openai/topk"])
def test_any_loaded_format_can_be_saved_as_saelens(case: str, tmp_path: Path) -> None:
    before = un.load(CHECKPOINTS / case)
    save(before, tmp_path / "run")
    x = torch.randn(9, D, generator=torch.Generator().manual_seed(2))
    after = un.load(tmp_path / "run")
    torch.testing.assert_close(after.encode(x), before.encode(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("rule", [ReLU(), TopK(4), JumpReLU(torch.rand(N)), _gated()])
@pytest.mark.parametrize("pre_bias", [True, False])
def test_fixed_statistics_are_folded_into_the_weights(
    rule: ActivationFunction, pre_bias: bool, tmp_path: Path
) -> None:
    """The saved run is the same function of raw tokens, statistics by dimension included."""
    statistics = Standardize(torch.linspace(-1, 1, D), torch.linspace(0.5, 2, D))
    before = replace(_dictionary(rule, statistics), apply_b_dec_to_input=pre_bias)
    if isinstance(rule, Gated) and not pre_bias:
        with pytest.raises(UnsupportedError, match="cannot be folded"):
            save(before, tmp_path / "run")
        return
    save(before, tmp_path / "run")
    after = un.load(tmp_path / "run")
    x = torch.randn(50, D, generator=torch.Generator().manual_seed(2))
    codes = before.encode(x)
    torch.testing.assert_close(after.encode(x), codes, rtol=0, atol=1e-4)
    torch.testing.assert_close(after.decode(codes), before.decode(codes, x), rtol=0, atol=1e-4)
    for view in ("decoder", "encoder"):
        ours, theirs = after.directions(view), before.directions(view)
        assert float(torch.cosine_similarity(ours, theirs, dim=1).min()) > 1 - 1e-6


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("saelens/temporal", "a temporal SAE predicts each token from the ones before it"),
        ("saelens/matching-pursuit", "matching pursuit picks latents one after the other"),
        ("crosscoder/ckkissane#1", "a crosscoder's codes need the tokens of all its models"),
    ],
)
def test_what_cannot_be_saved_says_its_own_reason(case: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=words):
        save(un.load(str(CHECKPOINTS / case)), tmp_path / "run")


def test_unset_statistics_of_tokens_are_no_statistics(tmp_path: Path) -> None:
    """A jkminder dictionary without a normaliser has NaN in its buffers, and saves as it is."""
    before = un.load(CHECKPOINTS / "dictionary_learning_jkminder" / "batchtopk")
    assert isinstance(before.input_normalization, NoNormalization)
    save(before, tmp_path / "run")
    x = torch.randn(9, D, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        un.load(tmp_path / "run").encode(x), before.encode(x), rtol=0, atol=1e-5
    )


def test_nan_counts_of_firing_are_named(tmp_path: Path) -> None:
    frequency = torch.linspace(0, 1, N)
    frequency[7] = float("nan")
    spoiled = replace(CASES["relu"], firing=Firing(frequency, "counted"))
    with pytest.raises(InvalidInputError, match=r"firing.frequency holds NaN .+ entry 7"):
        save(spoiled, tmp_path / "run")
