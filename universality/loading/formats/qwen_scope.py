"""Qwen-Scope: `layerN.sae.pt` with SAELens' key names in the other orientation."""

from __future__ import annotations

import re
from functools import partial

from universality.activation_functions import ActivationFunction, NotEncodable, TopK
from universality.dictionary import Dictionary, RunKey
from universality.errors import InvalidInputError
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading

NAME = "qwen_scope"


def recognise(checkpoint: Checkpoint) -> bool:
    """A file named `layerN.sae.pt`."""
    return re.fullmatch(r"layer\d+\.sae\.pt", checkpoint.weights.name) is not None


def read(checkpoint: Checkpoint) -> Dictionary:
    """The top-k dictionary; k comes from the repository's name or from `--format qwen_scope:K`.

    Raises:
        FormatError: tensors that do not fit each other, or are square without `--orientation`.
    """
    reading = Reading(checkpoint)
    reading.decoder_stored = "columns"
    n = reading.size("b_enc", 0)
    d = reading.size("b_dec", 0)
    layer = re.fullmatch(r"layer(\d{1,4})\.sae\.pt", checkpoint.weights.name)
    model = re.search(r"SAE-Res-(.+?)-W\d+K", f"{checkpoint.request.spec} {checkpoint.weights}")
    return reading.finish(
        reading.turned("W_dec", "columns", (n, d)),
        reading.vector("b_dec", d),
        partial(_encoder, reading, (n, d)),
        format=NAME,
        key=RunKey(
            model_name=model[1] if model else None,
            hook_name=f"blocks.{int(layer[1])}.hook_resid_post" if layer else None,
        ),
    )


def _encoder(reading: Reading, shape: tuple[int, int]) -> Encoder:
    W_enc = reading.turned("W_enc", "rows", shape)
    return Encoder(W_enc, reading.vector("b_enc", shape[0]), _rule(reading, shape[0]))


def _rule(reading: Reading, d_sae: int) -> ActivationFunction:
    request = reading.checkpoint.request
    if request.variant:
        if not re.fullmatch(r"\d{1,9}", request.variant):
            raise InvalidInputError(f"--format {NAME}:K needs a number, got {request.variant!r}")
        return TopK(reading.k(int(request.variant), d_sae, f"--format {NAME}"))
    named = re.search(r"-L0_(\d{1,9})", f"{request.spec} {reading.checkpoint.weights}")
    if named is None:
        return NotEncodable("no name states k; pass --format qwen_scope:K")
    k = reading.k(int(named[1]), d_sae, "the repository's name")
    reading.assume(f"k = {k}, from the repository's name")
    return TopK(k)
