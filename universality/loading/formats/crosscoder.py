"""Crosscoders of ckkissane and neelnanda-io: one dictionary per model (or layer), `#0`, `#1`.

A crosscoder's codes are sums over what all its models read, so a slice gives directions in both
views and no codes of its own.
"""

from __future__ import annotations

from functools import partial

from universality.activation_functions import NotEncodable
from universality.dictionary import Dictionary, RunKey
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading

NAME = "crosscoder"

REASON = "a crosscoder's codes need the tokens of all its models at once"
"""Why a slice has no codes of its own."""


def recognise(checkpoint: Checkpoint) -> bool:
    """`W_dec` with three axes (latent, model, dimension) and `b_dec` with two."""
    tensors = checkpoint.tensors
    if not checkpoint.has("W_enc", "W_dec", "b_enc", "b_dec"):
        return False
    W_enc, W_dec, b_dec = (tensors.shape(name) for name in ("W_enc", "W_dec", "b_dec"))
    return (
        len(W_dec) == 3
        and (W_dec[1], W_dec[2]) == b_dec
        and W_enc == (W_dec[1], W_dec[2], W_dec[0])
        and tensors.shape("b_enc") == (W_dec[0],)
    )


def parts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The models (or layers), numbered in the file's order."""
    return tuple(str(i) for i in range(checkpoint.tensors.size("W_dec", 1)))


def read(checkpoint: Checkpoint) -> Dictionary:
    """Directions of one model: `W_dec[:, m]` and `W_enc[m]`.

    Raises:
        FormatError: tensors that do not fit each other.
    """
    reading = Reading(checkpoint)
    reading.use("W_enc", "b_enc")
    m = reading.part_index()
    config = checkpoint.config("cfg.json")
    W_dec = reading.matrix_of("W_dec", 1, m)
    return reading.finish(
        W_dec,
        reading.vector_of("b_dec", m, W_dec.shape[1]),
        partial(_encoder, reading, m),
        format=NAME,
        key=RunKey(model_name=config.text("model_name"), hook_name=config.text("hook_point")),
        config=config,
    )


def _encoder(reading: Reading, m: int) -> Encoder:
    return Encoder(reading.matrix_of("W_enc", 0, m).T, None, NotEncodable(REASON))
