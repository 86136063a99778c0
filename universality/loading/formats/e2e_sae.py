"""Apollo's e2e_sae: one `.pt` with a dictionary per hook, chosen by `#hook`."""

from __future__ import annotations

from functools import partial

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary, RunKey
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading, with_unit_rows

NAME = "e2e_sae"

_ENCODER = ".encoder.0.weight"


def recognise(checkpoint: Checkpoint) -> bool:
    """Keys that end in `.encoder.0.weight`."""
    return bool(_prefixes(checkpoint))


def parts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The hooks, with dots for the dashes of the file's keys."""
    return tuple(_prefixes(checkpoint))


def read(checkpoint: Checkpoint) -> Dictionary:
    """The ReLU dictionary of one hook; decoder rows are normalised, as its own decode does.

    Raises:
        FormatError: tensors that do not fit each other.
    """
    prefixes = _prefixes(checkpoint)
    hook = checkpoint.request.part or next(iter(prefixes))
    prefix = prefixes[hook]
    reading = Reading(checkpoint)
    reading.use(*(name for name in reading.tensors.entries if not name.startswith(f"{prefix}.")))
    W_dec, _ = with_unit_rows(reading.columns(f"{prefix}.decoder.weight"))
    reading.assume("decoder rows are normalised, as in its own decode")
    return reading.finish(
        W_dec,
        reading.vector(f"{prefix}.decoder.bias", W_dec.shape[1]),
        partial(_encoder, reading, prefix, (W_dec.shape[0], W_dec.shape[1])),
        format=NAME,
        key=RunKey(hook_name=hook),
    )


def _prefixes(checkpoint: Checkpoint) -> dict[str, str]:
    names = sorted(checkpoint.tensors.entries)
    found = [name.removesuffix(_ENCODER) for name in names if name.endswith(_ENCODER)]
    return {prefix.replace("-", "."): prefix for prefix in found}


def _encoder(reading: Reading, prefix: str, shape: tuple[int, int]) -> Encoder:
    W_enc = reading.rows(f"{prefix}.encoder.0.weight", shape)
    return Encoder(W_enc, reading.vector(f"{prefix}.encoder.0.bias", shape[0]), ReLU())
