"""What turns a direction of a hook into logit weights."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from universality.investigation.causal_effects import HookedModel


def vocabulary_rows(at: HookedModel, d: int) -> Float[Tensor, "n_vocabulary d"] | None:
    """One row per token: its product with a direction of the hook is the direction's logit weight.

    None where what is written at the hook does not enter the residual stream linearly.
    """
    if at.to_stream is None:
        return None
    eye = torch.eye(d, dtype=at.model.dtype, device=at.model.device)
    return (at.readout.folded @ at.to_stream(eye).T.to(at.readout.W_U)).float().cpu()
