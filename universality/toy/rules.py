"""The autoencoders of the toy setting, many instances side by side, by their published loss.

All of them read hidden activations h of a toy model; the squared error is a mean over dimensions
and inputs. They differ from the recipes for language models in units and start, on purpose: a
coefficient means here what it means in the posts that describe this setting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar, TypeAlias, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from universality.activation_functions import Gated, JumpReLU, ReLU
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.toy.straight_through import jump, step

_EPS = 1e-8

Parameters: TypeAlias = dict[str, Tensor]
"""The trained tensors by name, instances first; rows of W_enc and W_dec are latents. Tied
autoencoders have no W_dec."""


@final
@dataclass(frozen=True, eq=False)
class ToyLoss:
    """The loss of a batch, by instance, and what the loop keeps count of."""

    loss: Float[Tensor, " n_inst"]
    """To be minimised; instances do not touch each other."""
    error: Float[Tensor, "n_inst n"]
    """Squared error of each input, mean over dimensions."""
    reconstruction: Float[Tensor, "n_inst n d_hidden"]
    """What the autoencoder gives back."""
    active: Bool[Tensor, "n_inst n d_sae"]
    """Which latents are active on which input."""


def start_parameters(
    rule: ToyRule, d_hidden: int, d_sae: int, generators: list[torch.Generator]
) -> Parameters:
    """Kaiming-uniform weights and constant vectors, one generator for each instance.

    The fan of a matrix is its number of entries, as for stacked matrices in PyTorch; larger starts
    leave latents where no input reaches them.
    """
    bound = math.sqrt(6 / (d_hidden * d_sae))
    draws = [
        2 * torch.rand(2, d_sae, d_hidden, generator=g, dtype=torch.float32) - 1 for g in generators
    ]
    n_inst = len(generators)
    parameters = {
        "W_enc": torch.stack([bound * draw[0] for draw in draws]),
        "b_dec": torch.zeros(n_inst, d_hidden, dtype=torch.float32),
    } | {
        name: torch.full((n_inst, d_sae), value, dtype=torch.float32)
        for name, value in rule.starts.items()
    }
    if not rule.tied:
        parameters["W_dec"] = _normalised(torch.stack([draw[1] for draw in draws]))
    return parameters


@torch.no_grad()
def renormalise_decoder(parameters: Parameters) -> None:
    """Decoder rows of norm 1, in place, where there are any of their own."""
    if "W_dec" in parameters:
        parameters["W_dec"].copy_(_normalised(parameters["W_dec"]))


def decoder_rows(parameters: Parameters) -> Float[Tensor, "n_inst d_sae d_hidden"]:
    """The decoder as it is used: rows of norm 1."""
    return _normalised(parameters.get("W_dec", parameters["W_enc"]))


@final
@dataclass(frozen=True)
class ToyReLU:
    """z = ReLU(W_enc (h - b_dec) + b_enc) with an L1 penalty on z."""

    name: ClassVar[str] = "relu"
    """As `--architecture` spells it."""
    coefficient: float = 0.2
    """Weight of the sum of z beside the mean squared error."""
    tied: bool = False
    """Whether the decoder rows are the encoder rows, scaled to norm 1."""

    @property
    def starts(self) -> Mapping[str, float]:
        """Zero biases."""
        return MappingProxyType({"b_enc": 0.0})

    def loss(self, parameters: Parameters, h: Float[Tensor, "n_inst n d_hidden"]) -> ToyLoss:
        """Mean squared error plus the coefficient times the sum of latents."""
        z = torch.relu(_read(parameters, h, "b_enc"))
        return _loss(parameters, h, z, self.coefficient * z.sum(dim=2))

    def instance(self, parameters: Parameters, index: int) -> Dictionary:
        """The ReLU rule with the weights of one instance."""
        return replace(
            _bare(parameters, index),
            b_enc=parameters["b_enc"][index].detach().clone(),
            activation_fn=ReLU(),
            apply_b_dec_to_input=True,
        )


@final
@dataclass(frozen=True)
class ToyGated:
    """A gate decides whether a latent fires, a magnitude how much (Rajamanoharan et al. 2024)."""

    name: ClassVar[str] = "gated"
    """As `--architecture` spells it."""
    coefficient: float = 1.0
    """Weight of the sum of the gate's positive part."""
    tied: bool = False
    """Whether the decoder rows are the encoder rows, scaled to norm 1."""

    @property
    def starts(self) -> Mapping[str, float]:
        """Zero biases, and magnitudes like the gate."""
        return MappingProxyType({"b_gate": 0.0, "b_mag": 0.0, "r_mag": 0.0})

    def loss(self, parameters: Parameters, h: Float[Tensor, "n_inst n d_hidden"]) -> ToyLoss:
        """Mean squared error, L1 of the gate, and a reconstruction from the gate alone.

        The last goes through a decoder that it does not move, and is a sum over dimensions.
        """
        read = (h - parameters["b_dec"][:, None]) @ parameters["W_enc"].mT
        gate = read + parameters["b_gate"][:, None]
        magnitude = read * parameters["r_mag"].exp()[:, None] + parameters["b_mag"][:, None]
        z = (gate > 0) * torch.relu(magnitude)
        opened = torch.relu(gate)
        rows, centre = decoder_rows(parameters).detach(), parameters["b_dec"].detach()
        aside = (opened @ rows + centre[:, None] - h).square().sum(dim=2)
        return _loss(parameters, h, z, self.coefficient * opened.sum(dim=2) + aside)

    def instance(self, parameters: Parameters, index: int) -> Dictionary:
        """The gated rule with the weights of one instance."""
        vectors = {name: parameters[name][index].detach().clone() for name in self.starts}
        return replace(
            _bare(parameters, index), activation_fn=Gated(**vectors), apply_b_dec_to_input=True
        )


@final
@dataclass(frozen=True)
class ToyJumpReLU:
    """A latent is silent up to its threshold (Rajamanoharan et al. 2024, JumpReLU)."""

    name: ClassVar[str] = "jumprelu"
    """As `--architecture` spells it."""
    coefficient: float = 0.1
    """Weight of the number of active latents."""
    tied: bool = True
    """Whether the decoder rows are the encoder rows, scaled to norm 1."""
    width: float = 0.01
    """Width of the kernel that estimates the gradient of the threshold."""
    threshold: float = 0.1
    """What every threshold begins with."""

    @property
    def starts(self) -> Mapping[str, float]:
        """Zero biases, equal thresholds."""
        return MappingProxyType({"b_enc": 0.0, "log_threshold": math.log(self.threshold)})

    def loss(self, parameters: Parameters, h: Float[Tensor, "n_inst n d_hidden"]) -> ToyLoss:
        """Mean squared error plus the coefficient times the number of active latents."""
        threshold = parameters["log_threshold"].exp()[:, None]
        pre = torch.relu(_read(parameters, h, "b_enc"))
        z = jump(pre, threshold, self.width)
        return _loss(
            parameters, h, z, self.coefficient * step(pre, threshold, self.width).sum(dim=2)
        )

    def instance(self, parameters: Parameters, index: int) -> Dictionary:
        """The JumpReLU rule with the weights of one instance."""
        return replace(
            _bare(parameters, index),
            b_enc=parameters["b_enc"][index].detach().clone(),
            activation_fn=JumpReLU(parameters["log_threshold"][index].detach().exp()),
            apply_b_dec_to_input=True,
        )


ToyRule: TypeAlias = ToyReLU | ToyGated | ToyJumpReLU
"""An architecture of the toy setting. Each has the functions `loss(parameters, h)`, which depends
on its arguments alone, and `instance(parameters, index)`, one instance as a dictionary."""

RULES: Mapping[str, ToyRule] = MappingProxyType(
    {"relu": ToyReLU(), "tied": ToyReLU(tied=True), "gated": ToyGated(), "jumprelu": ToyJumpReLU()}
)
"""The architectures, as `--architecture` spells them, with their defaults."""


def find_rule(architecture: str, coefficient: float | None = None) -> ToyRule:
    """The rule of that name, with another coefficient where one is given.

    Raises:
        InvalidInputError: no such architecture, or a coefficient that is negative or no number.
    """
    if architecture not in RULES:
        raise InvalidInputError(
            f"--architecture (architecture=) must be one of {', '.join(RULES)}; "
            f"got {architecture!r}"
        )
    rule = RULES[architecture]
    if coefficient is None:
        return rule
    if not 0 <= coefficient < math.inf:
        raise InvalidInputError(
            f"--coefficient (coefficient=) must not be negative, got {coefficient}"
        )
    return replace(rule, coefficient=coefficient)


def _normalised(rows: Tensor) -> Tensor:
    scaled: Tensor = rows / (rows.norm(dim=-1, keepdim=True) + _EPS)
    return scaled


def _read(parameters: Parameters, h: Tensor, bias: str) -> Tensor:
    centred = h - parameters["b_dec"][:, None]
    return centred @ parameters["W_enc"].mT + parameters[bias][:, None]


def _loss(parameters: Parameters, h: Tensor, z: Tensor, penalty: Tensor) -> ToyLoss:
    """`z` through the decoder; `penalty` is of each input."""
    reconstruction = z @ decoder_rows(parameters) + parameters["b_dec"][:, None]
    error = (reconstruction - h).square().mean(dim=2)
    return ToyLoss((error + penalty).mean(dim=1), error.detach(), reconstruction.detach(), z > 0)


def _bare(parameters: Parameters, index: int) -> Dictionary:
    """The weights of one instance, copied, without a rule."""
    return Dictionary(
        W_enc=parameters["W_enc"][index].detach().clone(),
        W_dec=decoder_rows(parameters)[index].detach().clone(),
        b_dec=parameters["b_dec"][index].detach().clone(),
    )
