"""KempnerInstitute/overcomplete: a state dict, whose class no key names."""

from __future__ import annotations

import math
import re
from functools import partial

from torch import Tensor

from universality.activation_functions import (
    ActivationFunction,
    JumpReLU,
    NotEncodable,
    ReLU,
    TopK,
)
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError, InvalidInputError
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading, with_unit_rows

NAME = "overcomplete"

_LINEAR = {"encoder.final_block.0.weight", "encoder.final_block.0.bias"}
_ARCHETYPAL = ("dictionary.W", "dictionary.C", "dictionary.Relax")
_LARGEST_LOGARITHM = 80.0
_NO_WEIGHT = 1e-8


def recognise(checkpoint: Checkpoint) -> bool:
    """The key `dictionary._weights`, or those of an archetypal dictionary."""
    return checkpoint.has("dictionary._weights") or checkpoint.has(*_ARCHETYPAL)


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary with unit rows times its multiplier; nothing is subtracted or added.

    A relaxed archetypal dictionary (Fel et al. 2025) is (W C + Relax) times its multiplier, where
    the rows of W are convex weights of the points C.

    Its class is not in the file: `--format overcomplete:relu` or `overcomplete:topk=K` states it,
    and without a word it gives directions only (JumpSAE is known by its thresholds).

    Raises:
        FormatError: tensors that do not fit each other.
        InvalidInputError: a variant that is neither `relu` nor `topk=K`.
    """
    reading = Reading(checkpoint)
    if checkpoint.has(*_ARCHETYPAL):
        W_dec = _archetypal(reading)
    else:
        W_dec, _ = with_unit_rows(reading.rows("dictionary._weights"))
        reading.assume("dictionary rows are normalised to length one, the library's default")
    if "dictionary.multiplier" in reading.tensors:
        logarithm = reading.scalar("dictionary.multiplier")
        if abs(logarithm) > _LARGEST_LOGARITHM:
            raise FormatError(f"{reading.tensors.where}: dictionary.multiplier is {logarithm:g}")
        W_dec = W_dec * math.exp(logarithm)
    return reading.finish(
        W_dec,
        None,
        partial(_encoder, reading, (W_dec.shape[0], W_dec.shape[1])),
        format=NAME,
        key=RunKey(),
    )


def _archetypal(reading: Reading) -> Tensor:
    weights = reading.rows("dictionary.W").double().relu()
    points = reading.rows("dictionary.C")
    if weights.shape[1] != points.shape[0]:
        raise FormatError(
            f"{reading.tensors.where}: dictionary.W weighs {weights.shape[1]} points, "
            f"dictionary.C holds {points.shape[0]}"
        )
    relax = reading.rows("dictionary.Relax", (weights.shape[0], points.shape[1]))
    convex = weights / (weights.sum(dim=1, keepdim=True) + _NO_WEIGHT)
    reading.assume("an archetypal dictionary: its rows are (W C + Relax), W made convex by rows")
    return (convex @ points.double() + relax).float()


def _encoder(reading: Reading, shape: tuple[int, int]) -> Encoder:
    inside = {name for name in reading.tensors.entries if name.startswith("encoder.")}
    if inside != _LINEAR:
        reading.use(*inside)
        return Encoder(None, None, NotEncodable("its encoder is more than one linear layer"))
    return Encoder(
        reading.rows("encoder.final_block.0.weight", shape),
        reading.vector("encoder.final_block.0.bias", shape[0]),
        _rule(reading, shape[0]),
    )


def _rule(reading: Reading, d_sae: int) -> ActivationFunction:
    if "thresholds" in reading.tensors:
        return JumpReLU(reading.vector("thresholds", d_sae).float().exp())
    variant = reading.checkpoint.request.variant
    if variant == "relu":
        return ReLU()
    topk = re.fullmatch(r"topk=(\d{1,9})", variant)
    if topk:
        return TopK(reading.k(int(topk[1]), d_sae, f"--format {NAME}"))
    if variant:
        raise InvalidInputError(f"--format {NAME}:relu or {NAME}:topk=K, got {variant!r}")
    return NotEncodable(
        "its state dict does not say whether it is SAE, TopKSAE or BatchTopKSAE; pass --format "
        f"{NAME}:relu or {NAME}:topk=K"
    )
