"""Dead latents given a new start, as an alternative to an auxiliary loss (Bricken et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from universality.errors import InvalidInputError

METHODS = ("none", "simple", "advanced")
"""The methods, as `--resample` spells them. `simple`: a direction uniform on the sphere.
`advanced`: that of an input that is badly reconstructed."""

_NO_ERROR = 1e-6


@final
@dataclass(frozen=True)
class Resampling:
    """When and how dead latents begin anew."""

    method: str = "none"
    """What they begin with."""
    every: int = 2500
    """Steps between two rounds."""
    window: int = 500
    """A latent silent at every one of the last so many steps is dead."""
    scale: float = 0.5
    """Norm of a new encoder row: of 1 (simple), or of the mean norm of the alive (advanced)."""
    reset_moments: bool = False
    """Whether the optimizer forgets what it knew of the row."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidInputError(
                f"--resample (method=) must be one of {', '.join(METHODS)}; got {self.method!r}"
            )
        if not 1 <= self.window <= self.every:
            raise InvalidInputError(
                "the window in which a latent must be silent has to lie within the interval of "
                f"resampling: 1 <= window <= every, got {self.window} and {self.every}"
            )
        if not 0 < self.scale < float("inf"):
            raise InvalidInputError(f"scale must be positive, got {self.scale}")

    def due(self, step: int, n_steps: int) -> bool:
        """Whether a round comes after `step` steps: none in the last window of a run."""
        return (
            self.method != "none"
            and step > 0
            and step % self.every == 0
            and n_steps - step >= self.window
        )


@torch.no_grad()
def resample(
    parameters: Mapping[str, Tensor],
    dead: Bool[Tensor, "n_inst d_sae"],
    resampling: Resampling,
    *,
    starts: Mapping[str, float],
    inputs: Float[Tensor, "n_inst n d_in"],
    errors: Float[Tensor, "n_inst n"],
    generators: Sequence[torch.Generator],
    optimizer: torch.optim.Optimizer | None = None,
) -> Bool[Tensor, "n_inst d_sae"]:
    """Give dead latents new weights, in place; which latents got them.

    Args:
        parameters: Tensors with instances first: `W_enc`, `W_dec` where the decoder has rows of
            its own, `b_dec`, and the vectors that `starts` names.
        dead: Which latents are dead.
        resampling: The method and its scale.
        starts: What each parameter that is one number for a latent begins with.
        inputs: Inputs of a fresh batch; only `advanced` looks at them.
        errors: Squared reconstruction error of each of them; an input is drawn with probability
            proportional to its square, with replacement. Instances without error are left alone.
        generators: Source of chance of each instance.
        optimizer: Whose moments of these rows are set to zero, if `resampling` says so.
    """
    new = torch.zeros_like(dead)
    for instance in dead.any(dim=1).nonzero()[:, 0].tolist():
        which = dead[instance]
        directions = _directions(
            resampling.method,
            int(which.sum()),
            inputs[instance] - parameters["b_dec"][instance],
            errors[instance],
            generators[instance],
        )
        if directions is None:
            continue
        encoder = parameters["W_enc"][instance]
        norm = resampling.scale * _reference_norm(encoder, which, resampling.method)
        encoder[which] = norm * directions
        if "W_dec" in parameters:
            parameters["W_dec"][instance, which] = directions
        for name, value in starts.items():
            parameters[name][instance, which] = value
        new[instance] = which
    if optimizer is not None and resampling.reset_moments:
        _forget(parameters, new, optimizer, names=("W_enc", "W_dec", *starts))
    return new


def _directions(
    method: str, n: int, inputs: Tensor, errors: Tensor, generator: torch.Generator
) -> Tensor | None:
    """Unit rows for n latents; None where nothing is left to explain."""
    match method:
        case "simple":
            draw = torch.randn(n, inputs.shape[1], generator=generator, dtype=inputs.dtype)
            return normalize(draw, dim=1)
        case "advanced":
            if float(errors.max()) < _NO_ERROR:
                return None
            chosen = torch.multinomial(errors.square(), n, replacement=True, generator=generator)
            return normalize(inputs[chosen], dim=1)
        case "none":
            return None
        case unknown:
            raise InvalidInputError(f"there is no resampling called {unknown!r}")


def _reference_norm(encoder: Tensor, dead: Tensor, method: str) -> float:
    if method == "advanced" and not bool(dead.all()):
        return float(encoder[~dead].norm(dim=1).mean())
    return 1.0


def _forget(
    parameters: Mapping[str, Tensor],
    new: Tensor,
    optimizer: torch.optim.Optimizer,
    *,
    names: Sequence[str],
) -> None:
    for name in names:
        state = optimizer.state.get(parameters[name], {}) if name in parameters else {}
        for moment in ("exp_avg", "exp_avg_sq"):
            if moment in state:
                state[moment][new] = 0.0
