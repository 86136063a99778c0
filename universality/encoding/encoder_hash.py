"""What codes depend on: everything of a dictionary that its encoder uses, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass

import numpy as np
import torch
from torch import Tensor

from universality.dictionary import Dictionary

_USED = (
    "W_enc",
    "b_enc",
    "b_dec",
    "activation_fn",
    "input_normalization",
    "apply_b_dec_to_input",
)


def encoder_hash(dictionary: Dictionary) -> str:
    """SHA-256 of what `Dictionary.encode` computes with: weights, rule, normalisation.

    Two readings of one file by different rules differ; equal weights in different files do not.
    About a second per gigabyte.
    """
    digest = hashlib.sha256()
    for name in _USED:
        digest.update(f"{name}=".encode())
        _add(digest, getattr(dictionary, name))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, value: object) -> None:
    if isinstance(value, Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
        digest.update(_bytes(value))
    elif is_dataclass(value):
        digest.update(type(value).__name__.encode())
        for field in fields(value):
            digest.update(f"{field.name}=".encode())
            _add(digest, getattr(value, field.name))
    else:
        digest.update(repr(value).encode())


def _bytes(tensor: Tensor) -> memoryview:
    """The bytes as they are stored, whatever the number format."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return np.ascontiguousarray(flat.view(torch.uint8).numpy()).data
