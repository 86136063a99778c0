"""The toy model of superposition: more sparse features than dimensions (Elhage et al. 2022).

h = W x and x' = ReLU(W^T h + b). The loss is the squared error weighted by importance, its mean
over inputs and features, summed over instances, so that instances never interact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary, Firing, RunKey, Source
from universality.errors import InvalidInputError
from universality.toy.features import FeatureWorld

MODEL_NAME = "toy-model"
"""What dictionaries of this setting name as their model."""
HOOK_NAME = "hidden"
"""Where in it they read."""


@final
@dataclass(frozen=True, eq=False)
class ToyModel:
    """Instances of one toy model, side by side."""

    W: Float[Tensor, "n_inst d_hidden n_features"]
    """Column i is the direction of feature i in the hidden space."""
    b_final: Float[Tensor, "n_inst n_features"]
    """Bias of the output."""

    def __post_init__(self) -> None:
        shape = (self.W.shape[0], self.W.shape[2])
        if tuple(self.b_final.shape) != shape:
            raise InvalidInputError(
                f"b_final must have shape {shape} beside W of {tuple(self.W.shape)}, "
                f"got {tuple(self.b_final.shape)}"
            )

    @property
    def n_inst(self) -> int:
        """Number of instances."""
        return self.W.shape[0]

    @property
    def d_hidden(self) -> int:
        """Dimensions of the hidden space."""
        return self.W.shape[1]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.W.shape[2]


def start_toy_model(
    d_hidden: int, n_features: int, generators: Sequence[torch.Generator]
) -> ToyModel:
    """Untrained instances, one for each generator: Xavier-normal weights, zero biases.

    Raises:
        InvalidInputError: a number below 1.
    """
    if min(len(generators), d_hidden, n_features) < 1:
        raise InvalidInputError(
            "instances, hidden dimensions and features must be 1 or more, "
            f"got {len(generators)}, {d_hidden} and {n_features}"
        )
    scale = (2 / (d_hidden + n_features)) ** 0.5
    W = torch.stack(
        [torch.randn(d_hidden, n_features, generator=g, dtype=torch.float32) for g in generators]
    )
    return ToyModel(scale * W, torch.zeros(len(generators), n_features, dtype=torch.float32))


def repeat_model(model: ToyModel, n_inst: int, *, instance: int = 0) -> ToyModel:
    """One instance, n_inst times."""
    return ToyModel(
        model.W[instance].repeat(n_inst, 1, 1), model.b_final[instance].repeat(n_inst, 1)
    )


def hidden_of(
    model: ToyModel, features: Float[Tensor, "n_inst n n_features"]
) -> Float[Tensor, "n_inst n d_hidden"]:
    """Hidden activations, h = W x.

    Raises:
        InvalidInputError: another number of instances or features than the model's.
    """
    if (features.shape[0], features.shape[2]) != (model.n_inst, model.n_features):
        raise InvalidInputError(
            f"the model has {model.n_inst} instances of {model.n_features} features, "
            f"the inputs have shape {tuple(features.shape)}"
        )
    return features @ model.W.mT.to(features.dtype)


def outputs_of(
    model: ToyModel, hidden: Float[Tensor, "n_inst n d_hidden"]
) -> Float[Tensor, "n_inst n n_features"]:
    """What the model gives back, x' = ReLU(W^T h + b)."""
    return torch.relu(hidden @ model.W + model.b_final[:, None])


def toy_loss(
    model: ToyModel,
    features: Float[Tensor, "n_inst n n_features"],
    importance: Float[Tensor, " n_features"],
) -> Float[Tensor, ""]:
    """Importance-weighted squared error, mean over inputs and features, summed over instances."""
    error = outputs_of(model, hidden_of(model, features)) - features
    return (importance * error.square()).mean(dim=(1, 2)).sum()


def dimensionality(model: ToyModel) -> Float[Tensor, "n_inst n_features"]:
    """The share of a dimension that each feature has for itself, in [0, 1].

    |W_i|^2 / sum_j (W_i . W_j / |W_i|)^2 (Elhage et al. 2022); 0 for a feature that the model
    dropped.
    """
    norm = model.W.norm(dim=1)
    unit = torch.where(norm[:, None] > 0, model.W / norm[:, None], 0.0)
    overlap = (unit.mT @ model.W).square().sum(dim=2)
    return torch.where(overlap > 0, norm.square() / overlap, 0.0)


def truth_of(model: ToyModel, world: FeatureWorld, instance: int = 0) -> Dictionary:
    """What one instance itself makes of its hidden space, as a dictionary: row i is feature i.

    The model reads features as ReLU(W^T h + b) and writes them along the same directions, so the
    encoder and the decoder both have the columns of W as rows (not scaled to norm 1); a feature
    that the model dropped has rows near zero. Firing is how often a feature is present.

    Raises:
        InvalidInputError: no such instance.
    """
    if not 0 <= instance < model.n_inst:
        raise InvalidInputError(f"there is no instance {instance} of {model.n_inst}")
    rows = model.W[instance].T.contiguous().float()
    return Dictionary(
        W_dec=rows,
        W_enc=rows.clone(),
        b_enc=model.b_final[instance].float(),
        b_dec=torch.zeros(model.d_hidden, dtype=torch.float32),
        activation_fn=ReLU(),
        firing=Firing(world.probability[instance].clone(), "true frequency"),
        key=RunKey(model_name=MODEL_NAME, hook_name=HOOK_NAME, d_sae=model.n_features),
        source=Source(spec="toy", name="truth", format="memory"),
    )
