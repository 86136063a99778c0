"""Transcoders of circuit-tracer and mwhanna: `layer_N.safetensors`, one layer each."""

from __future__ import annotations

import re
from functools import partial

from universality.activation_functions import ActivationFunction, NotEncodable, ReLU
from universality.dictionary import Dictionary, RunKey
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading

NAME = "transcoder"


def recognise(checkpoint: Checkpoint) -> bool:
    """A file `layer_N.safetensors` with encoder, decoder and biases."""
    named = re.fullmatch(r"layer_\d+\.safetensors", checkpoint.weights.name)
    return named is not None and checkpoint.has("W_enc", "W_dec", "b_enc", "b_dec")


def read(checkpoint: Checkpoint) -> Dictionary:
    """The ReLU transcoder of one layer; nothing is subtracted before encoding.

    Raises:
        FormatError: tensors that do not fit each other, or are square without `--orientation`.
    """
    reading = Reading(checkpoint)
    n, d = reading.size("b_enc", 0), reading.size("b_dec", 0)
    layer = re.fullmatch(r"layer_(\d{1,4})\.safetensors", checkpoint.weights.name)
    return reading.finish(
        reading.turned("W_dec", "rows", (n, d)),
        reading.vector("b_dec", d),
        partial(_encoder, reading, (n, d)),
        format=NAME,
        key=RunKey(hook_name=f"blocks.{int(layer[1])}.mlp.hook_in" if layer else None),
    )


def _encoder(reading: Reading, shape: tuple[int, int]) -> Encoder:
    rule: ActivationFunction = ReLU()
    if "W_skip" in reading.tensors:
        reading.use("W_skip")
        rule = NotEncodable("its skip connection has no stated orientation")
    W_enc = reading.turned("W_enc", "rows", shape)
    return Encoder(W_enc, reading.vector("b_enc", shape[0]), rule)
