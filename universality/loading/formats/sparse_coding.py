"""HoagyC and loganriggs sparse_coding: `learned_dicts.pt`, a pickle of class instances.

It is opened only when the user names the format. The few classes it may hold are rebuilt as
records without behaviour; any other class is refused, named, and never run.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from universality.activation_functions import ActivationFunction, NotEncodable, ReLU
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError, UnsafeFileError
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading, with_unit_rows
from universality.loading.tensors import TensorFile
from universality.loading.torch_files import from_mapping, unpickled

NAME = "sparse_coding"


class _TiedSAE:
    """Attributes of a TiedSAE."""


class _UntiedSAE:
    """Attributes of an UntiedSAE."""


_RECORDS = {
    "autoencoders.learned_dict.TiedSAE": _TiedSAE,
    "autoencoders.learned_dict.UntiedSAE": _UntiedSAE,
}


def recognise(checkpoint: Checkpoint) -> bool:
    """A file named `learned_dicts.pt`.

    Raises:
        UnsafeFileError: the user did not name the format.
    """
    if checkpoint.weights.name != "learned_dicts.pt":
        return False
    if not checkpoint.request.format_named:
        raise UnsafeFileError(
            f"{checkpoint.weights} is a pickle of sparse_coding's classes; pass --format {NAME} "
            f"to rebuild {', '.join(_RECORDS)} as plain records (nothing else in it is run)"
        )
    return True


def parts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The dictionaries of the list, numbered."""
    return tuple(str(i) for i in range(len(_records(checkpoint))))


def read(checkpoint: Checkpoint) -> Dictionary:
    """One dictionary of the list, decoder rows normalised as its own `get_learned_dict` does.

    Raises:
        UnsafeFileError: the pickle wants other classes.
        FormatError: the pickle is no list of dictionaries, or their tensors do not fit.
    """
    records = _records(checkpoint)
    part = checkpoint.request.part
    record = records[int(part) if part.isdecimal() else 0]
    where = f"{checkpoint.weights}: {part or 0}"
    reading = Reading(checkpoint, from_mapping(where, vars(record)))
    tied = isinstance(record, _TiedSAE)
    W_dec, _ = with_unit_rows(reading.rows("encoder" if tied else "decoder"))
    reading.assume("decoder rows are normalised, as in its own get_learned_dict")
    return reading.finish(
        W_dec,
        None,
        partial(_encoder, reading, (W_dec.shape[0], W_dec.shape[1])),
        format=NAME,
        key=RunKey(),
    )


def _records(checkpoint: Checkpoint) -> list[_TiedSAE | _UntiedSAE]:
    with torch.serialization.safe_globals([(kind, name) for name, kind in _RECORDS.items()]):
        content = unpickled(checkpoint.weights)
    rows = content if isinstance(content, list) else []
    records = [row[0] for row in rows if isinstance(row, tuple) and row]
    if not records or not all(isinstance(r, _TiedSAE | _UntiedSAE) for r in records):
        raise FormatError(f"{checkpoint.weights} must hold a list of (dictionary, hyperparameters)")
    return records


def _encoder(reading: Reading, shape: tuple[int, int]) -> Encoder:
    W_enc: Tensor = reading.rows("encoder", shape)
    if reading.tensors.others.get("norm_encoder") is True:
        W_enc, _ = with_unit_rows(W_enc)
    rule: ActivationFunction = ReLU()
    if not _is_centred_trivially(reading.tensors, shape[1]):
        rule = NotEncodable("its tokens are shifted, rotated and scaled first")
    reading.use("center_trans", "center_rot", "center_scale")
    return Encoder(W_enc, reading.vector("encoder_bias", shape[0]), rule)


def _is_centred_trivially(tensors: TensorFile, d: int) -> bool:
    neutral: dict[str, Any] = {
        "center_trans": torch.zeros(d, dtype=torch.float32),
        "center_rot": torch.eye(d, dtype=torch.float32),
        "center_scale": torch.ones(d, dtype=torch.float32),
    }
    return all(
        name not in tensors
        or (
            tensors.shape(name) == tuple(value.shape)
            and torch.equal(tensors.take(name).float(), value)
        )
        for name, value in neutral.items()
    )
