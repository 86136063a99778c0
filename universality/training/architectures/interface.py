"""What training asks of an architecture: a start, a loss, what each step keeps true, a result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from universality.activation_functions import ActivationFunction
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.training.architectures.sphere import project_gradient, random_rows, renormalise

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
    reconstruction: Float[Tensor, "*instances n_tokens d_out"]
    """What was decoded, without gradient."""


class Architecture(ABC):
    """One published rule, frozen: its sparsity and what goes with it; the rest are functions."""

    name: ClassVar[str]
    """As `--architecture` spells it."""
    frozen: ClassVar[frozenset[str]] = frozenset()
    """Parameters that stay as they started."""
    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)
    """Adam's decay rates."""

    @property
    def calibrated_l0(self) -> float | None:
        """Active latents per token that a threshold is set to after training; None: none is."""
        return None

    def check(self, d_sae: int) -> None:
        """Nothing, when this width can be trained.

        Raises:
            InvalidInputError: it cannot; the flag is named.
        """
        if d_sae < 1:
            raise InvalidInputError(f"--width must be at least 1, got {d_sae}")

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """The tensors a run begins with: all chance comes from the generator.

        Isotropic unit decoder rows, an encoder equal to them (Gao et al. 2024), b_dec the centre.
        """
        return tied_start(space, generator)

    @abstractmethod
    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Loss of a batch: a function of its arguments alone."""

    def before_step(self, parameters: Parameters) -> None:
        """Change the gradients in place before the optimizer uses them."""
        project_gradient(parameters["W_dec"])

    def after_step(self, parameters: Parameters) -> None:
        """Change the parameters in place after the optimizer moved them."""
        renormalise(parameters["W_dec"])

    def first_values(self, names: Iterable[str]) -> dict[str, float]:
        """What each of these parameters that is one number per latent starts with."""
        return {name: 0.0 for name in names if name in ("b_enc", "b_gate", "b_mag", "r_mag")}

    @abstractmethod
    def dictionary(self, parameters: Parameters) -> Dictionary:
        """What these parameters compute, in the scaled space, sharing their memory."""


@dataclass(frozen=True)
class L1Penalised(Architecture):
    """What recipes have in common that pay for the sum of their codes."""

    l1: float = 5.0
    """Weight of that sum beside the squared error; tokens have norm sqrt(d_in) (Anthropic's April
    2024 update: 5, at this scale)."""

    def check(self, d_sae: int) -> None:
        """Nothing, when the penalty is none that rewards firing.

        Raises:
            InvalidInputError: l1 is negative or no number.
        """
        check_at_least_zero(self.l1, "--l1")


def tied_start(space: Space, generator: torch.Generator) -> Parameters:
    """Isotropic unit decoder rows, an encoder equal to them, b_dec the centre."""
    W_dec = random_rows(space.d_sae, len(space.centre), generator)
    return {
        "W_enc": W_dec.clone(),
        "W_dec": W_dec,
        "b_enc": torch.zeros(space.d_sae, dtype=torch.float32),
        "b_dec": space.target_centre.clone(),
    }


def centred_dictionary(parameters: Parameters, rule: ActivationFunction) -> Dictionary:
    """These weights with that rule, b_dec subtracted first, sharing their memory."""
    return Dictionary(
        W_dec=parameters["W_dec"],
        W_enc=parameters["W_enc"],
        b_enc=parameters.get("b_enc"),
        b_dec=parameters["b_dec"],
        activation_fn=rule,
        apply_b_dec_to_input=True,
    )


def check_at_least_zero(value: float, flag: str) -> None:
    """Nothing, when a weight or a target is a number that is not negative.

    Raises:
        InvalidInputError: it is not; the flag is named.
    """
    if not 0 <= value < float("inf"):
        raise InvalidInputError(f"{flag} must not be negative, got {value}")
