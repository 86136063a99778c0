"""Cross-layer transcoders of mntss (`W_dec_N.safetensors`) and Gemma Scope 2 (three-axis `w_dec`).

Each latent writes into several layers: each of them is one dictionary of directions, `#0` for the
first layer it writes to, `#1` for the next.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from universality.activation_functions import NotEncodable
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.loading.checkpoints import Checkpoint
from universality.loading.containers import open_tensors
from universality.loading.reading import Encoder, Reading
from universality.loading.tensors import TensorFile

NAME = "cross_layer_transcoder"

_REASON = "a cross-layer transcoder writes into several layers at once"


def recognise(checkpoint: Checkpoint) -> bool:
    """A decoder with three axes: `W_dec_N`, or `w_dec` beside `w_enc`."""
    name = _decoder_name(checkpoint)
    return name is not None and len(checkpoint.tensors.shape(name)) == 3


def parts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The layers it writes to, numbered from the first."""
    name = _decoder_name(checkpoint) or ""
    return tuple(str(i) for i in range(checkpoint.tensors.size(name, 1)))


def read(checkpoint: Checkpoint) -> Dictionary:
    """Directions into one of the layers it writes to; encoding is refused.

    Raises:
        FormatError: tensors that do not fit each other.
    """
    reading = Reading(checkpoint)
    reading.use(*reading.tensors.entries)
    name = _decoder_name(checkpoint)
    if name is None:
        raise FormatError(f"{reading.tensors.where} has neither w_dec nor W_dec_N")
    return reading.finish(
        reading.matrix_of(name, 1, reading.part_index()),
        None,
        partial(_encoder, reading, name),
        format=NAME,
        key=RunKey(),
        config=checkpoint.config("config.json"),
    )


def _decoder_name(checkpoint: Checkpoint) -> str | None:
    names = checkpoint.tensors.entries
    if "w_dec" in names and "w_enc" in names:
        return "w_dec"
    return next((name for name in names if re.fullmatch(r"W_dec_\d{1,4}", name)), None)


def _encoder(reading: Reading, decoder: str) -> Encoder:
    if decoder == "w_dec":
        return Encoder(reading.columns("w_enc"), None, NotEncodable(_REASON))
    sibling = _encoder_file(reading.checkpoint.weights, decoder)
    if sibling is None:
        return Encoder(None, None, NotEncodable(_REASON))
    other = Reading(reading.checkpoint, sibling)
    return Encoder(other.rows(decoder.replace("dec", "enc")), None, NotEncodable(_REASON))


def _encoder_file(weights: Path, decoder: str) -> TensorFile | None:
    path = weights.with_name(f"{decoder.replace('dec', 'enc')}.safetensors")
    return open_tensors(path) if path.is_file() else None
