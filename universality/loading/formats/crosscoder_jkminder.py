"""Crosscoders of jkminder's fork of dictionary_learning: one dictionary per model, `#0`, `#1`."""

from __future__ import annotations

from functools import partial

from universality.activation_functions import NotEncodable
from universality.dictionary import Dictionary, RunKey
from universality.loading.checkpoints import Checkpoint
from universality.loading.formats.crosscoder import REASON
from universality.loading.reading import Encoder, Reading

NAME = "crosscoder_jkminder"


def recognise(checkpoint: Checkpoint) -> bool:
    """`decoder.weight` with three axes (model, latent, dimension)."""
    tensors = checkpoint.tensors
    return (
        checkpoint.has("encoder.weight", "decoder.weight", "decoder.bias")
        and len(tensors.shape("decoder.weight")) == 3
    )


def parts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The models (or layers), numbered in the file's order."""
    return tuple(str(i) for i in range(checkpoint.tensors.size("decoder.weight", 0)))


def read(checkpoint: Checkpoint) -> Dictionary:
    """Directions of one model: `decoder.weight[m]` and `encoder.weight[m]`.

    Raises:
        FormatError: tensors that do not fit each other.
    """
    reading = Reading(checkpoint)
    reading.use(*reading.tensors.entries)
    m = reading.part_index()
    W_dec = reading.matrix_of("decoder.weight", 0, m)
    return reading.finish(
        W_dec,
        reading.vector_of("decoder.bias", m, W_dec.shape[1]),
        partial(_encoder, reading, m),
        format=NAME,
        key=RunKey(),
        config=checkpoint.config("config.json"),
    )


def _encoder(reading: Reading, m: int) -> Encoder:
    return Encoder(reading.matrix_of("encoder.weight", 0, m).T, None, NotEncodable(REASON))
