"""qresearch's DeepSeek-R1 dictionaries: one file of two linear layers, encoder and decoder."""

from __future__ import annotations

import re

from universality.dictionary import Dictionary
from universality.loading.checkpoints import Checkpoint
from universality.loading.formats.linear_layers import read_linear

NAME = "deepseek_r1"

_KEYS = {"encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"}
_CONFIGS = ("config.json", "cfg.json", "hyperparams.json", "../hyperparams.json")


def recognise(checkpoint: Checkpoint) -> bool:
    """Exactly the tensors of two linear layers, and no configuration that would say more."""
    if re.fullmatch(r"ae(_\d+)?\.pt", checkpoint.weights.name):
        return False
    tensors = checkpoint.tensors
    alone = set(tensors.entries) == _KEYS and len(tensors.shape("decoder.weight")) == 2
    return alone and not any(checkpoint.config(name) for name in _CONFIGS)


def read(checkpoint: Checkpoint) -> Dictionary:
    """The ReLU dictionary; nothing is subtracted before encoding."""
    return read_linear(checkpoint, NAME, "encoder", "decoder")
