"""Goodfire's Llama dictionaries: one `.pt` or `.pth` of two linear layers."""

from __future__ import annotations

from universality.dictionary import Dictionary
from universality.loading.checkpoints import Checkpoint
from universality.loading.formats.linear_layers import read_linear

NAME = "goodfire"


def recognise(checkpoint: Checkpoint) -> bool:
    """The keys `encoder_linear.weight` and `decoder_linear.weight`."""
    return checkpoint.has("encoder_linear.weight", "decoder_linear.weight")


def read(checkpoint: Checkpoint) -> Dictionary:
    """The ReLU dictionary; nothing is subtracted before encoding."""
    return read_linear(checkpoint, NAME, "encoder_linear", "decoder_linear")
