"""jkminder's fork of dictionary_learning: `config.json` and `model.safetensors`.

The classes are saved by huggingface_hub's mixin, which writes the arguments of the constructor and
not the name of the class; the keys tell it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor

from universality.activation_functions import ActivationFunction, Gated, JumpReLU, ReLU, TopK
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.input_normalization import InputNormalization, NoNormalization, Standardize
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading, with_unit_rows
from universality.loading.tensors import listed

NAME = "dictionary_learning_jkminder"

_BUFFERS = ("target_rms", "activation_mean", "activation_std", "activation_global_scale")
_LINEAR = ("encoder.weight", "encoder.bias", "decoder.weight")


@final
@dataclass(frozen=True, eq=False)
class _Kind:
    """One class of the library."""

    keys: frozenset[str]
    """The tensors it saves, its buffers for the tokens' statistics aside."""
    b_dec: str
    """Which of them is the bias of the decoder."""
    pre_bias: bool
    """Whether that bias is subtracted before encoding."""
    rule: Callable[[Reading, int], ActivationFunction]
    """How its pre-activations become codes."""
    norms: bool = False
    """Whether its codes are in units of unit-norm decoder rows."""


def recognise(checkpoint: Checkpoint) -> bool:
    """The keys of a class, in a safetensors file beside the arguments that made it."""
    config = checkpoint.config("config.json")
    mixin = checkpoint.weights.suffix == ".safetensors" and "activation_dim" in config
    return _kind(checkpoint) is not None and (mixin or "activation_mean" in checkpoint.tensors)


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary as its own `encode` defines it; statistics of its tokens applied where set.

    Raises:
        FormatError: tensors of no class of the library, or that do not fit each other.
    """
    kind = _kind(checkpoint)
    if kind is None:
        raise FormatError(
            f"{checkpoint.weights} holds {listed(checkpoint.tensors.entries)}: no class of "
            "jkminder's dictionary_learning"
        )
    reading = Reading(checkpoint)
    reading.use(*_BUFFERS, "k")
    rows = "W_dec" in kind.keys
    W_dec = reading.rows("W_dec") if rows else reading.columns("decoder.weight")
    n, d = W_dec.shape
    b_dec = reading.vector(kind.b_dec, d)
    norms = None
    if kind.norms:
        W_dec, norms = with_unit_rows(W_dec)
        reading.assume("codes are in units of unit-norm decoder rows: the norms are folded")
    return reading.finish(
        W_dec,
        b_dec,
        partial(_encoder, reading, kind, (n, d), norms),
        format=NAME,
        key=RunKey(),
        input_normalization=_normalization(reading, d),
        apply_b_dec_to_input=kind.pre_bias,
        config=checkpoint.config("config.json"),
    )


def _kind(checkpoint: Checkpoint) -> _Kind | None:
    tensors = checkpoint.tensors
    keys = set(tensors.entries) - set(_BUFFERS)
    kind = next((kind for kind in _KINDS if kind.keys == keys), None)
    decoder = "W_dec" if "W_dec" in keys else "decoder.weight"
    # A crosscoder's tensors have the same names and one axis more.
    return None if kind is None or len(tensors.shape(decoder)) != 2 else kind


def _normalization(reading: Reading, d: int) -> InputNormalization:
    """The statistics as buffers; NaN in them means that they were never set."""
    mean, std = (_buffer(reading, f"activation_{what}", d) for what in ("mean", "std"))
    scale = _buffer(reading, "activation_global_scale", 1)
    if mean is None or std is None:
        return NoNormalization()
    factor = 1.0 if scale is None else float(scale[0])
    if factor == 0:
        raise FormatError(f"{reading.tensors.where}: activation_global_scale is zero")
    return Standardize(mean, torch.full((d,), factor, dtype=torch.float32))


def _buffer(reading: Reading, name: str, size: int) -> Tensor | None:
    if name not in reading.tensors:
        return None
    entry = reading.tensors.entry(name)
    if entry.shape not in ((size,), ()) or not entry.dtype.startswith(("float", "bfloat")):
        raise FormatError(f"{reading.tensors.where}: {name} has shape {entry.shape}")
    values = entry.read().reshape(-1).float()
    return None if bool(values.isnan().all()) else reading.tensors.take(name).reshape(-1).float()


def _encoder(
    reading: Reading, kind: _Kind, shape: tuple[int, int], norms: Tensor | None
) -> Encoder:
    rows = "W_enc" not in kind.keys
    W_enc = reading.rows("encoder.weight", shape) if rows else reading.columns("W_enc", shape)
    bias = "encoder.bias" if rows else "b_enc"
    b_enc = reading.vector(bias, shape[0]) if bias in kind.keys else None
    rule = kind.rule(reading, shape[0])
    if norms is None:
        return Encoder(W_enc, b_enc, rule)
    match rule:
        case Gated(b_gate, r_mag, b_mag):
            scaled = Gated(b_gate, r_mag.float() + norms.log(), b_mag.float() * norms)
            return Encoder(W_enc, b_enc, scaled)
        case JumpReLU(threshold):
            b_enc = None if b_enc is None else b_enc.float() * norms
            jump = JumpReLU(threshold.float() * norms)
            return Encoder(W_enc.float() * norms[:, None], b_enc, jump)
        case other:
            raise TypeError(f"no decoder norms to fold into {type(other).__name__}")


def _relu(reading: Reading, d_sae: int) -> ActivationFunction:
    return ReLU()


def _gated(reading: Reading, d_sae: int) -> ActivationFunction:
    b_gate, r_mag, b_mag = (reading.vector(n, d_sae) for n in ("gate_bias", "r_mag", "mag_bias"))
    return Gated(b_gate, r_mag, b_mag)


def _jump_relu(reading: Reading, d_sae: int) -> ActivationFunction:
    return JumpReLU(reading.vector("threshold", d_sae))


def _topk(reading: Reading, d_sae: int) -> ActivationFunction:
    config = reading.checkpoint.config("config.json")
    return TopK(reading.k(config.integer("k"), d_sae, config.where))


def _batch_topk(reading: Reading, d_sae: int) -> ActivationFunction:
    threshold = reading.scalar("threshold")
    return JumpReLU(torch.full((d_sae,), threshold, dtype=torch.float32))


_GATED = frozenset({"encoder.weight", "decoder.weight", "decoder_bias"})
_KINDS = (
    _Kind(frozenset({*_LINEAR, "bias"}), "bias", True, _relu),
    _Kind(frozenset({*_LINEAR, "decoder.bias"}), "decoder.bias", False, _relu),
    _Kind(_GATED | {"r_mag", "gate_bias", "mag_bias"}, "decoder_bias", True, _gated, norms=True),
    _Kind(
        frozenset({"W_enc", "b_enc", "W_dec", "b_dec", "threshold"}),
        "b_dec",
        False,
        _jump_relu,
        norms=True,
    ),
    _Kind(frozenset({*_LINEAR, "b_dec"}), "b_dec", True, _topk),
    _Kind(frozenset({*_LINEAR, "b_dec", "k", "threshold"}), "b_dec", True, _batch_topk),
)
