"""A bare decoder: one matrix of directions in .npy, .npz, .safetensors or .pt, nothing else."""

from __future__ import annotations

from torch import Tensor

from universality.activation_functions import NotEncodable
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading
from universality.loading.tensors import BARE, listed

NAME = "bare"

_DECODER_KEYS = ("W_dec", "decoder", "directions", "dictionary", "decoder.weight", BARE)


def recognise(checkpoint: Checkpoint) -> bool:
    """A file with a single matrix."""
    return _decoder_key(checkpoint) is not None


def read(checkpoint: Checkpoint) -> Dictionary:
    """Directions alone; encoding is refused.

    Raises:
        FormatError: the file holds no matrix of its own, or a square one without `--orientation`.
    """
    reading = Reading(checkpoint)
    key = _decoder_key(checkpoint)
    if key is None:
        raise FormatError(
            f"{checkpoint.weights} holds {listed(checkpoint.tensors.entries)}: expected one "
            "matrix, named W_dec where there are several tensors"
        )
    return reading.finish(_oriented(reading, key), None, _no_encoder, format=NAME, key=RunKey())


def _decoder_key(checkpoint: Checkpoint) -> str | None:
    tensors = checkpoint.tensors
    matrices = [name for name in tensors.entries if len(tensors.shape(name)) == 2]
    if len(tensors.entries) == 1 and matrices:
        return matrices[0]
    named = [name for name in _DECODER_KEYS if name in matrices]
    others = [name for name in matrices if name not in named]
    return named[0] if len(named) == 1 and not others else None


def _oriented(reading: Reading, key: str) -> Tensor:
    orientation = reading.checkpoint.request.orientation
    n_rows, n_columns = reading.tensors.shape(key)
    if orientation is None:
        if n_rows == n_columns:
            raise FormatError(
                f"{reading.tensors.where}: {key} is square ({n_rows} x {n_columns}), so its shape "
                "does not tell whether rows or columns are the directions; pass --orientation "
                "rows or --orientation columns"
            )
        orientation = "rows" if n_rows > n_columns else "columns"
        reading.assume(
            f"the {orientation} of {key} ({n_rows} x {n_columns}) are the directions, since "
            "there are more of them; --orientation says otherwise"
        )
    return reading.rows(key) if orientation == "rows" else reading.columns(key)


def _no_encoder() -> Encoder:
    return Encoder(None, None, NotEncodable("this is a bare decoder, without an encoder"))
