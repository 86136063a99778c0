"""Decoder rows of norm 1: drawn there, and kept there by gradient and step."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize


def random_rows(
    n: int, d: int, generator: torch.Generator, *, device: torch.device | str = "cpu"
) -> Float[Tensor, "n d"]:
    """Isotropic unit rows."""
    rows = torch.randn(n, d, generator=generator, device=device, dtype=torch.float32)
    return normalize(rows, dim=-1)


@torch.no_grad()
def project_gradient(rows: Float[Tensor, "*instances n d"]) -> None:
    """Take from the gradient of unit rows what would only change their norm.

    As OpenAI's sparse_autoencoder and dictionary_learning do (Bricken et al. 2023).
    """
    if rows.grad is not None:
        rows.grad -= (rows.grad * rows).sum(dim=-1, keepdim=True) * rows


@torch.no_grad()
def renormalise(rows: Float[Tensor, "*instances n d"]) -> None:
    """Scale the rows to norm 1, in place."""
    rows.div_(rows.norm(dim=-1, keepdim=True))
