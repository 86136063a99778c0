"""The whole matrix of similarities, for those who ask for it and only where it fits."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from universality.errors import InvalidInputError
from universality.runs.part import RunPart
from universality.similarity import Similarity

LARGEST = 4 << 30
"""Bytes of the largest matrix that is made."""

_ROWS_PER_BLOCK = 512


def check_size(a: RunPart, b: RunPart) -> None:
    """Nothing, when the matrix of two runs fits.

    Raises:
        InvalidInputError: it would be larger than 4 GiB.
    """
    size = 4 * a.dictionary.d_sae * b.dictionary.d_sae
    if size > LARGEST:
        raise InvalidInputError(
            f"--matrix would need {size / 2**30:.1f} GiB for each view, more than "
            f"{LARGEST >> 30} GiB; leave it out: nearest latents and the assignment are exact "
            "without it"
        )


def whole_matrix(
    similarity: Similarity, a: RunPart, b: RunPart
) -> Float32[np.ndarray, "d_sae_a d_sae_b"]:
    """Similarity of every latent of a with every latent of b; NaN for those that take no part."""
    matrix = np.full((a.dictionary.d_sae, b.dictionary.d_sae), np.nan, dtype=np.float32)
    for start in range(0, similarity.shape[0], _ROWS_PER_BLOCK):
        rows = slice(start, start + _ROWS_PER_BLOCK)
        values, _ = similarity.block(rows, slice(0, similarity.shape[1]), fine=True)
        matrix[np.ix_(a.numbers[rows], b.numbers)] = values.float().cpu().numpy()
    return matrix
