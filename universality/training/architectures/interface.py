"""What training asks of an architecture: a start, a loss, what each step keeps true, a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias, final, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from universality.dictionary import Dictionary

Parameters: TypeAlias = dict[str, Tensor]
"""The trained tensors by their name in the field; a leading axis of instances is allowed where an
architecture says so."""


@final
@dataclass(frozen=True, eq=False)
class Space:
    """The scaled space of the tokens that an autoencoder is started in."""

    d_sae: int
    """Number of latents."""
    centre: Float[Tensor, " d_in"]
    """Centre of the tokens that are read."""
    target_centre: Float[Tensor, " d_out"]
    """Centre of the tokens that are reconstructed: `centre` itself but for transcoders."""


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """One step's tokens, scaled, and what the loss depends on besides them."""

    x: Float[Tensor, "*instances n_tokens d_in"]
    """Tokens to read."""
    target: Float[Tensor, "*instances n_tokens d_out"]
    """Tokens to reconstruct: `x` itself but for transcoders."""
    dead: Bool[Tensor, "*instances d_sae"]
    """Latents silent for the dead window: the auxiliary loss asks them to explain the rest."""
    variance: float
    """Mean squared distance of the targets from their mean; losses are fractions of it."""
    penalty: float = 1.0
    """Share of the sparsity penalty in force: it rises from 0 to 1 at the beginning of a run."""
    dead_weight: float = 1 / 32
    """Weight of the auxiliary loss."""
    gather: bool = True
    """Whether to decode active rows only, where the codes are sparse enough for it to pay."""
    dtype: torch.dtype = torch.float32
    """Number format of the large products."""


@final
@dataclass(frozen=True, eq=False)
class StepLoss:
    """The loss of one batch, and what the training loop keeps count of."""

    loss: Float[Tensor, ""]
    """To be minimised; summed over instances, which therefore do not touch each other."""
    fvu: Float[Tensor, "*instances"]
    """Fraction of variance unexplained on this batch, without gradient."""
    fired: Bool[Tensor, "*instances d_sae"]
    """Latents active on some token."""
    l0: Float[Tensor, "*instances"]
    """Active latents per token."""


@runtime_checkable
class Architecture(Protocol):
    """One published rule, frozen: its sparsity and what goes with it; the rest are functions."""

    name: ClassVar[str]
    """As `--architecture` spells it."""

    def check(self, d_sae: int) -> None:
        """Nothing, when this width can be trained.

        Raises:
            InvalidInputError: it cannot; the flag is named.
        """

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """The tensors a run begins with; all chance comes from the generator."""

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Loss of a batch: a function of its arguments alone."""

    def before_step(self, parameters: Parameters) -> None:
        """Change the gradients in place before the optimizer uses them."""

    def after_step(self, parameters: Parameters) -> None:
        """Change the parameters in place after the optimizer moved them."""

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """What these parameters compute, in the scaled space, sharing their memory."""
