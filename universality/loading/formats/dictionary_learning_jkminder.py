"""jkminder's fork of dictionary_learning: `config.json` and `model.safetensors`."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from universality.activation_functions import JumpReLU
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.input_normalization import InputNormalization, NoNormalization, Standardize
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading

NAME = "dictionary_learning_jkminder"

_BUFFERS = ("target_rms", "activation_mean", "activation_std", "activation_global_scale")


def recognise(checkpoint: Checkpoint) -> bool:
    """The keys of a batch top-k dictionary with buffers for the tokens' statistics."""
    return checkpoint.has("activation_mean", "threshold", "b_dec", "encoder.weight")


def read(checkpoint: Checkpoint) -> Dictionary:
    """The batch top-k dictionary; its tokens' mean and common scale are applied where set.

    Raises:
        FormatError: tensors that do not fit each other, or half-set statistics.
    """
    reading = Reading(checkpoint)
    reading.use(*_BUFFERS, "k")
    W_dec = reading.columns("decoder.weight")
    n, d = W_dec.shape
    config = checkpoint.config("config.json")
    return reading.finish(
        W_dec,
        reading.vector("b_dec", d),
        partial(_encoder, reading, (n, d)),
        format=NAME,
        key=RunKey(),
        input_normalization=_normalization(reading, d),
        apply_b_dec_to_input=True,
        config=config,
    )


def _normalization(reading: Reading, d: int) -> InputNormalization:
    """The statistics as buffers; NaN in them means that they were never set."""
    mean = _buffer(reading, "activation_mean", d)
    scale = _buffer(reading, "activation_global_scale", 1)
    if mean is None and scale is None:
        return NoNormalization()
    factor = 1.0 if scale is None else float(scale[0])
    if factor == 0:
        raise FormatError(f"{reading.tensors.where}: activation_global_scale is zero")
    return Standardize(
        torch.zeros(d, dtype=torch.float32) if mean is None else mean,
        torch.full((d,), factor, dtype=torch.float32),
    )


def _buffer(reading: Reading, name: str, size: int) -> Tensor | None:
    if name not in reading.tensors:
        return None
    entry = reading.tensors.entry(name)
    if entry.shape not in ((size,), ()) or not entry.dtype.startswith(("float", "bfloat")):
        raise FormatError(f"{reading.tensors.where}: {name} has shape {entry.shape}")
    values = entry.read().reshape(-1).float()
    return None if bool(values.isnan().all()) else reading.tensors.take(name).reshape(-1).float()


def _encoder(reading: Reading, shape: tuple[int, int]) -> Encoder:
    threshold = torch.full((shape[0],), reading.scalar("threshold"), dtype=torch.float32)
    return Encoder(
        reading.rows("encoder.weight", shape),
        reading.vector("encoder.bias", shape[0]),
        JumpReLU(threshold),
    )
