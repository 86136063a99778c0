"""Activation functions of sparse autoencoders: frozen records and one function that applies them.

Each record is a rule that some library trains with; `apply` gives the code that library gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.errors import InvalidInputError, UnsupportedError


@final
@dataclass(frozen=True, eq=False)
class Identity:
    """The pre-activation itself."""


@final
@dataclass(frozen=True, eq=False)
class ReLU:
    """max(0, pre)."""


@final
@dataclass(frozen=True, eq=False)
class TopK:
    """The k largest pre-activations of each token, negative ones set to zero."""

    k: int
    """Latents kept per token, at least 1."""

    def __post_init__(self) -> None:
        _check_k(self.k)


@final
@dataclass(frozen=True, eq=False)
class AbsTopK:
    """The k pre-activations of largest magnitude of each token, signs kept."""

    k: int
    """Latents kept per token, at least 1."""

    def __post_init__(self) -> None:
        _check_k(self.k)


@final
@dataclass(frozen=True, eq=False)
class GroupMax:
    """k consecutive groups of equal size; the largest of each kept, if positive (sparsify)."""

    k: int
    """Number of groups; must divide d_sae."""

    def __post_init__(self) -> None:
        _check_k(self.k)


@final
@dataclass(frozen=True, eq=False)
class JumpReLU:
    """max(0, pre) where pre is strictly above the latent's threshold, zero elsewhere."""

    threshold: Float[Tensor, " d_sae"]
    """Threshold of each latent, in units of the pre-activation."""


@final
@dataclass(frozen=True, eq=False)
class Gated:
    """A gate decides which latents fire, a rescaled path how strongly (Rajamanoharan et al. 2024).

    The gate opens where `x @ W_enc + b_gate > 0`; the magnitude is
    `relu(exp(r_mag) * (x @ W_enc) + b_mag)`. It carries its own biases, so a dictionary with this
    rule has no `b_enc`.
    """

    b_gate: Float[Tensor, " d_sae"]
    """Bias of the gate."""
    r_mag: Float[Tensor, " d_sae"]
    """Logarithm of the ratio of magnitude weights to gate weights."""
    b_mag: Float[Tensor, " d_sae"]
    """Bias of the magnitude path."""


@final
@dataclass(frozen=True, eq=False)
class NotEncodable:
    """The checkpoint gives directions, but no exact encoder that this package can run."""

    reason: str
    """Why, in words that complete "cannot encode: "."""


ActivationFunction: TypeAlias = (
    Identity | ReLU | TopK | AbsTopK | GroupMax | JumpReLU | Gated | NotEncodable
)


def apply(
    function: ActivationFunction, pre: Float[Tensor, "n_tokens d_sae"]
) -> Float[Tensor, "n_tokens d_sae"]:
    """Codes of the tokens from their pre-activations, zero where a latent does not fire.

    `pre` includes the encoder's bias (for `Gated`: excludes it, the rule has its own).

    Raises:
        InvalidInputError: k exceeds d_sae, or does not divide it where it must.
        UnsupportedError: the rule is `NotEncodable`.
    """
    match function:
        case Identity():
            return pre
        case ReLU():
            return pre.relu()
        case TopK(k):
            return _keep(pre.relu(), pre.topk(_fitting(k, pre), dim=-1).indices)
        case AbsTopK(k):
            return _keep(pre, pre.abs().topk(_fitting(k, pre), dim=-1).indices)
        case GroupMax(k):
            return _group_max(pre.relu(), k)
        case JumpReLU(threshold):
            return pre.relu() * (pre > threshold.to(pre))
        case Gated(b_gate, r_mag, b_mag):
            magnitude = (r_mag.to(pre).exp() * pre + b_mag.to(pre)).relu()
            return magnitude * (pre + b_gate.to(pre) > 0)
        case NotEncodable(reason):
            raise UnsupportedError(f"cannot encode: {reason}")
        case _:
            assert_never(function)


def describe_activation(function: ActivationFunction) -> str:
    """A short name with its parameter, such as `topk(32)`, for tables and summaries."""
    match function:
        case TopK(k) | AbsTopK(k) | GroupMax(k):
            return f"{type(function).__name__.lower()}({k})"
        case NotEncodable():
            return "unavailable"
        case _:
            return type(function).__name__.lower()


def _keep(values: Tensor, indices: Tensor) -> Tensor:
    return torch.zeros_like(values).scatter(-1, indices, values.gather(-1, indices))


def _group_max(pre: Tensor, k: int) -> Tensor:
    if pre.shape[-1] % k:
        raise InvalidInputError(f"groupmax: k={k} does not divide d_sae={pre.shape[-1]}")
    groups = pre.reshape(*pre.shape[:-1], k, -1)
    values, winners = groups.max(dim=-1, keepdim=True)
    return torch.zeros_like(groups).scatter(-1, winners, values).flatten(-2)


def _fitting(k: int, pre: Tensor) -> int:
    if k > pre.shape[-1]:
        raise InvalidInputError(f"top-k: k={k} exceeds d_sae={pre.shape[-1]}")
    return k


def _check_k(k: int) -> None:
    if k < 1:
        raise InvalidInputError(f"k must be at least 1, got {k}")
