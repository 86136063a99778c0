"""Random orthogonal maps and random unit rows, from a generator that the caller owns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def unit_rows(n: int, d: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """Independent rows, uniform on the unit sphere of d dimensions."""
    rows = torch.randn(n, d, generator=generator, device=generator.device)
    return torch.nn.functional.normalize(rows, dim=1)


def haar(d: int, *, generator: torch.Generator) -> Float[Tensor, "d d"]:
    """An orthogonal map drawn uniformly (Haar measure, reflections included); O(d^3)."""
    gaussian = torch.randn(d, d, generator=generator, device=generator.device)
    q, r = torch.linalg.qr(gaussian)
    signs: Tensor = r.diagonal().sign()
    uniform: Tensor = signs * q
    return uniform


def block_haar(sizes: Sequence[int], *, generator: torch.Generator) -> Float[Tensor, "d d"]:
    """A block-diagonal orthogonal map, each block drawn uniformly; blocks of one are signs."""
    d = sum(sizes)
    blocks = torch.zeros(d, d, device=generator.device)
    start = 0
    for size in sizes:
        stop = start + size
        blocks[start:stop, start:stop] = haar(size, generator=generator)
        start = stop
    return blocks
