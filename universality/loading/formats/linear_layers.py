"""What Goodfire and qresearch share: two linear layers and a ReLU, nothing subtracted before."""

from __future__ import annotations

from functools import partial

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary, RunKey
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading


def read_linear(checkpoint: Checkpoint, format: str, encoder: str, decoder: str) -> Dictionary:
    """The ReLU dictionary of two linear layers with these names.

    Raises:
        FormatError: tensors that do not fit each other.
    """
    reading = Reading(checkpoint)
    reading.assume("ReLU, nothing subtracted before encoding: no file states the rule")
    W_dec = reading.columns(f"{decoder}.weight")
    n, d = W_dec.shape
    return reading.finish(
        W_dec,
        reading.vector(f"{decoder}.bias", d),
        partial(_encoder, reading, encoder, (n, d)),
        format=format,
        key=RunKey(),
    )


def _encoder(reading: Reading, name: str, shape: tuple[int, int]) -> Encoder:
    W_enc = reading.rows(f"{name}.weight", shape)
    return Encoder(W_enc, reading.vector(f"{name}.bias", shape[0]), ReLU())
