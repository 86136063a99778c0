"""What decides a connector, besides the codes at its ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, final, get_args

from universality.validation import Constraint, Number, OneOf, check, plain

Form: TypeAlias = Literal["linear", "relu", "skip"]
"""W f + b; ReLU(W f + b); ReLU(W f + b) + V f."""
Start: TypeAlias = Literal["zero", "random", "analytic"]
"""Where the weights begin: at nothing; uniform, as a linear layer's; at E2 W D1."""
LossKind: TypeAlias = Literal["per_feature", "global"]
"""Whether every target latent counts alike, or by its variance."""

FORMS: tuple[str, ...] = get_args(Form)
INITS: tuple[str, ...] = get_args(Start)
LOSSES: tuple[str, ...] = get_args(LossKind)

CONNECTOR_TAKES: Mapping[str, Constraint] = {
    "form": OneOf(FORMS),
    "init": OneOf(INITS),
    "l1": Number(0),
    "loss": OneOf(LOSSES),
    "steps": Number(1, whole=True),
    "batch_size": Number(1, whole=True),
    "learning_rate": Number(0, above=True),
    "warm_up": Number(0, 1),
    "leak": Number(0, 1),
    "seed": Number(0, whole=True),
}
"""What each field of the settings may be."""

OPTIONS = {name: f"--{name.replace('_', '-')}" for name in CONNECTOR_TAKES} | {
    "learning_rate": "--lr"
}
"""How the command line calls them."""


@final
@dataclass(frozen=True)
class ConnectorSettings:
    """How a connector is fitted."""

    form: Form = "relu"
    """Which function of the source's codes predicts the target's."""
    init: Start = "zero"
    """Where the weights start. With a ReLU, zero trains only through the warm-up."""
    l1: float = 3e-3
    """Weight of the sum of absolute weights of a row beside its share of variance unexplained."""
    loss: LossKind = "per_feature"
    """`per_feature`: the mean over target latents of the share of their variance unexplained, and
    weights counted in standardised units. `global`: the share of all variance, and weights counted
    as they are, up to one factor for all: the published loss, free of the unit of the codes."""
    steps: int = 1_500
    """Steps of proximal Adam."""
    batch_size: int = 1_024
    """Tokens in each."""
    learning_rate: float = 0.01
    """Of Adam, in standardised units; after the warm-up it falls to zero."""
    warm_up: float = 0.6
    """Share of the steps in which the ReLU leaks: with a plain one a start at zero never trains,
    and a random one leaves rows that are off everywhere."""
    leak: float = 0.1
    """Slope of the leaky ReLU where it is off."""
    seed: int = 0
    """Of the order of tokens, and of a random start."""

    def __post_init__(self) -> None:
        check("ConnectorSettings", vars(self), CONNECTOR_TAKES, options=OPTIONS)
        for name, value in vars(self).items():
            object.__setattr__(self, name, plain(value))

    @property
    def leaky_steps(self) -> int:
        """Steps in which the ReLU leaks."""
        return 0 if self.form == "linear" else round(self.warm_up * self.steps)
