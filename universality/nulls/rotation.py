"""Random orthogonal maps and random unit rows, from a generator that the caller owns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize


def unit_rows(n: int, d: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """Independent rows, uniform on the unit sphere of d dimensions."""
    rows = torch.randn(n, d, generator=generator, device=generator.device, dtype=torch.float32)
    return normalize(rows, dim=1)


def rows_at_cosine(
    rows: Float[Tensor, "n d"], cosine: Float[Tensor, "n 1"] | float, *, generator: torch.Generator
) -> Float[Tensor, "n d"]:
    """Random unit rows at a given cosine to each of the given unit rows."""
    free = unit_rows(*rows.shape, generator=generator)
    across = normalize(free - (free * rows).sum(dim=1, keepdim=True) * rows, dim=1)
    level = torch.as_tensor(cosine, dtype=rows.dtype, device=rows.device)
    return level * rows + (1 - level.square()).clamp(min=0).sqrt() * across


def haar(d: int, *, generator: torch.Generator) -> Float[Tensor, "d d"]:
    """An orthogonal map drawn uniformly (Haar measure, reflections included); O(d^3)."""
    gaussian = torch.randn(d, d, generator=generator, device=generator.device, dtype=torch.float32)
    q, r = torch.linalg.qr(gaussian)
    signs: Tensor = r.diagonal().sign()
    uniform: Tensor = signs * q
    return uniform


def block_haar(sizes: Sequence[int], *, generator: torch.Generator) -> Float[Tensor, "d d"]:
    """A block-diagonal orthogonal map, each block drawn uniformly; blocks of one are signs."""
    d = sum(sizes)
    blocks = torch.zeros(d, d, device=generator.device, dtype=torch.float32)
    start = 0
    for size in sizes:
        stop = start + size
        blocks[start:stop, start:stop] = haar(size, generator=generator)
        start = stop
    return blocks
