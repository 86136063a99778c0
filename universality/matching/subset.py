"""The nearest of a few: what a latent's nearest would be if only some of the others existed."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from universality.matching.neighbours import Neighbours
from universality.matching.tiling import Tiling
from universality.similarity import Similarity


def nearest_among(
    similarity: Similarity,
    near: Neighbours,
    chosen: Bool[np.ndarray, " n_b"],
    *,
    tiling: Tiling | None = None,
) -> Float64[np.ndarray, " n_a"]:
    """Similarity of each latent of a to the nearest of the chosen latents of b.

    Mostly read off the closest few of all; only the latents of which none was chosen are looked
    at again. Minus infinity where nothing was chosen.

    Args:
        similarity: Of the two runs.
        near: The closest in b of each latent of a, one or more.
        chosen: Which latents of b there are.
        tiling: How the work is cut.
    """
    there = (near.index >= 0) & chosen[near.index]
    first = there.argmax(axis=1)[:, None]
    found = np.take_along_axis(near.similarity, first, axis=1)[:, 0]
    missing = np.flatnonzero(~there.any(axis=1))
    found[missing] = _looked_up(similarity, missing, np.flatnonzero(chosen), tiling or Tiling())
    return np.asarray(found)


def _looked_up(
    similarity: Similarity,
    rows: Int64[np.ndarray, " rows"],
    cols: Int64[np.ndarray, " cols"],
    tiling: Tiling,
) -> Float64[np.ndarray, " rows"]:
    found = np.full(rows.size, -np.inf)
    if not cols.size:
        return found
    device = similarity.device
    j = torch.from_numpy(cols).to(device)
    for start in range(0, rows.size, tiling.block_rows):
        i = torch.from_numpy(rows[start : start + tiling.block_rows]).to(device)
        best = [
            similarity.block(i, part, fine=True)[0].amax(dim=1)
            for part in torch.split(j, tiling.block_cols)
        ]
        found[start : start + len(i)] = torch.stack(best).amax(dim=0).cpu().numpy()
    return found
