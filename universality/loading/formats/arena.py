"""ARENA's ToySAE: instances along the first axis, one dictionary each."""

from __future__ import annotations

from functools import partial

from universality.activation_functions import ActivationFunction, Gated, JumpReLU, ReLU
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading, with_unit_rows

NAME = "arena_toy_sae"


def recognise(checkpoint: Checkpoint) -> bool:
    """`W_enc` or `W_gate` and `b_dec` with instances in front: (inst, d, n) and (inst, d)."""
    tensors = checkpoint.tensors
    name = _encoder_name(checkpoint)
    if name is None or "b_dec" not in tensors or "W_dec" in tensors:
        return False
    shape = tensors.shape(name)
    return len(shape) == 3 and tensors.shape("b_dec") == shape[:2]


def parts(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The instances, numbered."""
    return tuple(str(i) for i in range(checkpoint.tensors.size("b_dec", 0)))


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary of one instance, decoder rows normalised as its own decode does.

    Raises:
        FormatError: tensors that do not fit each other.
    """
    reading = Reading(checkpoint)
    reading.use(*(name for name in reading.tensors.entries if name.startswith("model.")))
    instance = reading.part_index()
    name = _encoder_name(checkpoint)
    if name is None:
        raise FormatError(f"{reading.tensors.where} has neither W_enc nor W_gate")
    tied = "_W_dec" not in reading.tensors
    if tied:
        reading.assume("no _W_dec: the decoder is the encoder transposed")
    stored = (
        reading.matrix_of(name, 0, instance).T if tied else reading.matrix_of("_W_dec", 0, instance)
    )
    W_dec, _ = with_unit_rows(stored)
    reading.assume("decoder rows are normalised, as in its own decode")
    return reading.finish(
        W_dec,
        reading.vector_of("b_dec", instance, W_dec.shape[1]),
        partial(_encoder, reading, name, instance),
        format=NAME,
        key=RunKey(),
        apply_b_dec_to_input=True,
    )


def _encoder_name(checkpoint: Checkpoint) -> str | None:
    return next((name for name in ("W_gate", "W_enc") if name in checkpoint.tensors), None)


def _encoder(reading: Reading, name: str, instance: int) -> Encoder:
    W_enc = reading.matrix_of(name, 0, instance).T
    rule = _rule(reading, instance, len(W_enc))
    gated = isinstance(rule, Gated)
    b_enc = None if gated else reading.vector_of("b_enc", instance, len(W_enc))
    return Encoder(W_enc, b_enc, rule)


def _rule(reading: Reading, instance: int, d_sae: int) -> ActivationFunction:
    if "b_gate" in reading.tensors:
        names = ("b_gate", "r_mag", "b_mag")
        b_gate, r_mag, b_mag = (reading.vector_of(name, instance, d_sae) for name in names)
        return Gated(b_gate, r_mag, b_mag)
    if "log_theta" in reading.tensors:
        return JumpReLU(reading.vector_of("log_theta", instance, d_sae).float().exp())
    return ReLU()
