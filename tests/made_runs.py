"""Runs whose relation to each other is known because it was planted."""

from __future__ import annotations

import torch
from torch import Tensor

from universality.activation_functions import TopK
from universality.dictionary import Dictionary, Firing, RunKey, Source


def unit_rows(n: int, d: int, *, seed: int) -> Tensor:
    """Independent rows, uniform on the sphere."""
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def make_run(
    W_dec: Tensor,
    W_enc: Tensor | None = None,
    *,
    name: str = "planted",
    frequency: Tensor | None = None,
    seed: int | None = None,
) -> Dictionary:
    """A TopK dictionary in memory; its encoder is its decoder unless one is given."""
    return Dictionary(
        W_dec=W_dec,
        W_enc=W_dec if W_enc is None else W_enc,
        activation_fn=TopK(4),
        firing=None if frequency is None else Firing(frequency, "planted"),
        key=RunKey(seed=seed, hook_name="blocks.0.hook_resid_post", model_name="planted"),
        source=Source(name=name),
    )
