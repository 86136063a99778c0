"""Matryoshka BatchTopK: the first latents alone have to reconstruct too (Bussmann et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.errors import InvalidInputError
from universality.training.architectures.batchtopk import KLargestOfBatch, batch_topk
from universality.training.architectures.encoder import Support, centred_weights
from universality.training.architectures.interface import Batch, Parameters, StepLoss
from universality.training.architectures.losses import step_loss, unexplained, with_dead
from universality.training.gather import Active, sparse_decode

_FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)


@final
@dataclass(frozen=True)
class MatryoshkaRecipe(KLargestOfBatch):
    """BatchTopK whose loss is the mean over nested prefixes of the latents.

    So the first ones learn what is general.
    """

    name: ClassVar[str] = "matryoshka"
    prefixes: tuple[float, ...] = _FRACTIONS
    """Fractions of the latents that reconstruct alone, rising, the last 1."""

    def check(self, d_sae: int) -> None:
        """Nothing, when the width holds k latents and the prefixes rise to all of them.

        Raises:
            InvalidInputError: k is below 1 or above d_sae, or the prefixes do not rise to 1.
        """
        KLargestOfBatch.check(self, d_sae)
        rising = all(a < b for a, b in zip((0.0, *self.prefixes), self.prefixes, strict=False))
        if not self.prefixes or self.prefixes[-1] != 1 or not rising:
            raise InvalidInputError(f"--prefixes must rise from above 0 to 1, got {self.prefixes}")

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Mean over the prefixes of the fraction of variance unexplained."""
        weights, W_dec = centred_weights(parameters), parameters["W_dec"]
        pre, support, codes = batch_topk(weights, batch, self.k)
        parts = decoded_by_group(support, codes, W_dec, self._ends(len(W_dec)))
        nested = list(accumulate(parts, initial=parameters["b_dec"]))[1:]
        losses = [unexplained(part, batch) for part in nested]
        loss = with_dead(
            torch.stack(losses).mean(), weights, W_dec, batch, pre=pre,
            reconstruction=nested[-1], k=2 * self.k,
        )  # fmt: skip
        return step_loss(support, codes, loss=loss, fvu=losses[-1], reconstruction=nested[-1])

    def _ends(self, d_sae: int) -> list[int]:
        return sorted({max(1, round(fraction * d_sae)) for fraction in self.prefixes})


def decoded_by_group(
    support: Support, codes: Tensor, W_dec: Float[Tensor, "d_sae d_out"], ends: list[int]
) -> list[Float[Tensor, "n_tokens d_out"]]:
    """What the latents from one of the `ends` to the next decode to, group by group."""
    if support.active is None:
        groups = zip([0, *ends[:-1]], ends, strict=True)
        return [support.decode(codes[:, a:b], W_dec[a:b]) for a, b in groups]
    decoded = sparse_decode(codes, _by_group(support.active, ends), W_dec)
    return list(decoded.view(-1, len(ends), W_dec.shape[1]).unbind(dim=1))


def _by_group(active: Active, ends: list[int]) -> Active:
    # Each token becomes one bag per group of latents; entries are in that order already, for the
    # latents of a token ascend.
    limits = torch.tensor(ends, device=active.latents.device)
    bags = active.tokens * len(ends) + torch.bucketize(active.latents, limits, right=True)
    counts = torch.bincount(bags, minlength=len(active.offsets) * len(ends))
    last = counts.cumsum(0)
    return Active(active.latents, bags, last - counts, active.d_sae)
