"""Hashes of weights: what tells two runs with the same content."""

from __future__ import annotations

import hashlib

import numpy as np
from torch import Tensor

from universality.dictionary import Dictionary

_CHUNK = 2**22


def weights_hash(dictionary: Dictionary) -> str:
    """SHA-256 of the weight files in order (and of the part's name, where a file holds several).

    A dictionary without files is hashed by its decoder, encoder and biases, in float32. Reads
    every byte: about a second per gigabyte.
    """
    source = dictionary.source
    digest = hashlib.sha256()
    for path in source.weight_files:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    digest.update(source.part.encode())
    if not source.weight_files:
        for tensor in (dictionary.W_dec, dictionary.W_enc, dictionary.b_enc, dictionary.b_dec):
            digest.update(_content(tensor))
    return digest.hexdigest()


def _content(tensor: Tensor | None) -> bytes:
    if tensor is None:
        return b"none"
    values = np.ascontiguousarray(tensor.detach().cpu().float().numpy())
    return repr(values.shape).encode() + values.tobytes()
