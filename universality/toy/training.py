"""Training toy models, and autoencoders on one of them, with the frames of how they went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from tqdm import tqdm

from universality.errors import InvalidInputError
from universality.toy.features import FeatureWorld, sample_features
from universality.toy.model import ToyModel, hidden_of, start_toy_model, toy_loss
from universality.toy.rules import (
    Parameters,
    ToyRule,
    decoder_rows,
    renormalise_decoder,
    start_parameters,
)
from universality.training.descent import descend
from universality.training.resampling import Resampling, resample

BATCH = 1024
"""Inputs of one step."""
LEARNING_RATE = 1e-3
"""Of Adam, for both."""
SHOWN = 96
"""Inputs whose reconstruction a frame keeps."""

_STEPS_AT_ONCE = 32


@final
@dataclass(frozen=True, eq=False)
class Frame:
    """What the autoencoders are at one step: copies, which later steps do not change."""

    step: int
    """Steps taken before."""
    W_enc: Float[Tensor, "n_inst d_sae d_hidden"]
    """Encoder rows."""
    W_dec: Float[Tensor, "n_inst d_sae d_hidden"]
    """Decoder rows as they are used, of norm 1."""
    reconstruction: Float[Tensor, "n_inst n d_hidden"]
    """What comes back of the probe."""
    active_fraction: Float[Tensor, "n_inst d_sae"]
    """Share of the inputs since the frame before on which each latent was active."""
    resampled: Bool[Tensor, "n_inst d_sae"]
    """Latents that began anew since the frame before."""


@final
@dataclass(frozen=True, eq=False)
class TrainedAutoencoders:
    """Autoencoders on instances of a toy model, and how they came about."""

    rule: ToyRule
    """Their architecture."""
    parameters: Parameters
    """Their weights, instances first."""
    frames: tuple[Frame, ...]
    """From the start to the end."""
    probe: Float[Tensor, "n_inst n d_hidden"]
    """Hidden activations that every frame reconstructs: of inputs with a feature present."""
    n_resampled: int
    """Latents that began anew over the run, all instances together."""


def generators_of(seed: int, n_inst: int, purpose: str) -> list[torch.Generator]:
    """One source of chance for each instance, the same alone and in company.

    Raises:
        InvalidInputError: a negative seed.
    """
    if seed < 0:
        raise InvalidInputError(f"--seed (seed=) must not be negative, got {seed}")
    key = int.from_bytes(purpose.encode()[:8], "big")
    words = [
        np.random.SeedSequence([seed, key, instance]).generate_state(1, np.uint64)[0]
        for instance in range(n_inst)
    ]
    return [torch.Generator().manual_seed(int(word >> np.uint64(1))) for word in words]


def train_toy_model(
    world: FeatureWorld,
    d_hidden: int,
    *,
    n_steps: int = 10_000,
    importance: Float[Tensor, " n_features"] | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    progress: bool = False,
) -> ToyModel:
    """Toy models of a world, one for each of its instances, side by side.

    Args:
        world: The features.
        d_hidden: Dimensions of the hidden space.
        n_steps: Steps of Adam, of 1,024 inputs each.
        importance: Weight of each feature's error; all 1 by default.
        seed: Seed of starts and inputs.
        dtype: Number format.
        progress: Whether to show a bar.

    Raises:
        InvalidInputError: fewer steps than 1, or importances of another number of features.
    """
    _check_steps(n_steps)
    weights = (
        torch.ones(world.n_features, dtype=torch.float32) if importance is None else importance
    )
    if tuple(weights.shape) != (world.n_features,):
        raise InvalidInputError(
            f"importance must hold one number for each of the {world.n_features} features, "
            f"got shape {tuple(weights.shape)}"
        )
    start = start_toy_model(d_hidden, world.n_features, generators_of(seed, world.n_inst, "model"))
    W, b_final = (t.to(dtype).requires_grad_() for t in (start.W, start.b_final))
    optimizer = torch.optim.Adam([W, b_final], lr=LEARNING_RATE, fused=True)
    generators = generators_of(seed, world.n_inst, "inputs")
    inputs = _inputs(world, n_steps, generators, dtype)
    for features in tqdm(inputs, "toy model", n_steps, disable=not progress):
        loss = toy_loss(ToyModel(W, b_final), features, weights.to(dtype))
        descend((W, b_final), loss, optimizer)
    return ToyModel(W.detach(), b_final.detach())


def train_autoencoders(
    model: ToyModel,
    world: FeatureWorld,
    rule: ToyRule,
    *,
    d_sae: int | None = None,
    n_steps: int = 20_000,
    resampling: Resampling | None = None,
    n_frames: int = 200,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    progress: bool = False,
) -> TrainedAutoencoders:
    """Autoencoders on the hidden activations of the model, one for each instance, side by side.

    An instance is the same alone as in company: its chance is its own.

    Args:
        model: Toy models; the same one in every instance makes instances runs of one experiment.
        world: Their features.
        rule: The architecture.
        d_sae: Number of latents; that of features by default.
        n_steps: Steps of Adam, of 1,024 inputs each.
        resampling: What happens to dead latents; nothing by default.
        n_frames: About how many frames to keep.
        seed: Seed of starts, inputs and new starts.
        dtype: Number format.
        progress: Whether to show a bar.

    Raises:
        InvalidInputError: model and world do not fit each other, or a number below 1.
    """
    _check_steps(n_steps)
    if min(n_frames, world.n_features if d_sae is None else d_sae) < 1:
        raise InvalidInputError(f"frames and latents must be 1 or more, got {n_frames} and {d_sae}")
    if (world.n_inst, world.n_features) != (model.n_inst, model.n_features):
        raise InvalidInputError(
            f"the model has {model.n_inst} instances of {model.n_features} features, the world "
            f"{world.n_inst} of {world.n_features}"
        )
    d_sae = world.n_features if d_sae is None else d_sae
    resampling = resampling or Resampling()
    start = start_parameters(
        rule, model.d_hidden, d_sae, generators_of(seed, model.n_inst, "start")
    )
    parameters = {name: tensor.to(dtype).requires_grad_() for name, tensor in start.items()}
    optimizer = torch.optim.Adam(list(parameters.values()), lr=LEARNING_RATE, fused=True)
    inputs = _inputs(world, n_steps, generators_of(seed, model.n_inst, "inputs"), dtype)
    chance = generators_of(seed, model.n_inst, "resample")
    fresh = generators_of(seed, model.n_inst, "fresh")
    watch = _Watch(model.n_inst, d_sae)
    probe = hidden_of(model, _probe(world, generators_of(seed, model.n_inst, "probe"), dtype))
    frames: list[Frame] = []
    every = max(1, n_steps // n_frames)
    n_resampled = 0
    for step, features in enumerate(tqdm(inputs, rule.name, n_steps, disable=not progress)):
        hidden = hidden_of(model, features)
        if resampling.due(step, n_steps):
            batch = hidden_of(model, sample_features(world, BATCH, fresh, dtype=dtype))
            new = resample(
                parameters,
                watch.silent_for(resampling.window),
                resampling,
                starts=rule.starts,
                inputs=batch,
                errors=rule.loss(parameters, batch).error,
                generators=chance,
                optimizer=optimizer,
            )
            n_resampled += int(new.sum())
            watch.restart(new)
        result = rule.loss(parameters, hidden)
        if step % every == 0:
            frames.append(_frame(step, rule, parameters, probe, watch))
        watch.count(result.active)
        descend(parameters, result.loss.sum(), optimizer, after=renormalise_decoder)
    frames.append(_frame(n_steps, rule, parameters, probe, watch))
    return TrainedAutoencoders(rule, _detached(parameters), tuple(frames), probe, n_resampled)


@final
class _Watch:
    """When each latent was last active, and how often since the last frame."""

    def __init__(self, n_inst: int, d_sae: int) -> None:
        self._silent = torch.zeros(n_inst, d_sae, dtype=torch.long)
        self._active = torch.zeros(n_inst, d_sae, dtype=torch.float32)
        self._new = torch.zeros(n_inst, d_sae, dtype=torch.bool)
        self._n_counted = 0

    def count(self, active: Tensor) -> None:
        """One step's activity."""
        share = active.float().mean(dim=1)
        self._silent = torch.where(share > 0, 0, self._silent + 1)
        self._active += share
        self._n_counted += 1

    def silent_for(self, n_steps: int) -> Tensor:
        """Latents that were silent at every one of the last n steps."""
        return self._silent >= n_steps

    def restart(self, new: Tensor) -> None:
        """Some latents began anew."""
        self._silent[new] = 0
        self._new |= new

    def take(self) -> tuple[Tensor, Tensor]:
        """Active share, and which began anew, since this was last asked."""
        found = self._active / max(1, self._n_counted), self._new.clone()
        self._active.zero_()
        self._new.zero_()
        self._n_counted = 0
        return found


@torch.no_grad()
def _frame(step: int, rule: ToyRule, parameters: Parameters, probe: Tensor, watch: _Watch) -> Frame:
    active, new = watch.take()
    return Frame(
        step,
        parameters["W_enc"].detach().clone(),
        decoder_rows(parameters).detach().clone(),
        rule.loss(parameters, probe).reconstruction,
        active,
        new,
    )


def _probe(
    world: FeatureWorld, generators: Sequence[torch.Generator], dtype: torch.dtype
) -> Tensor:
    """Inputs of which each has a feature present, as far as some have."""
    features = sample_features(world, SHOWN * 32, generators, dtype=dtype)
    present = (features > 0).any(dim=2)
    first = present.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :SHOWN]
    return features.gather(1, first[..., None].expand(-1, -1, world.n_features))


def _detached(parameters: Parameters) -> Parameters:
    return {name: tensor.detach().clone() for name, tensor in parameters.items()}


def _inputs(
    world: FeatureWorld,
    n_steps: int,
    generators: Sequence[torch.Generator],
    dtype: torch.dtype,
) -> Iterator[Tensor]:
    """The inputs of each step; drawn for several steps at once, which is faster."""
    for first in range(0, n_steps, _STEPS_AT_ONCE):
        n = min(_STEPS_AT_ONCE, n_steps - first)
        block = sample_features(world, n * BATCH, generators, dtype=dtype)
        yield from torch.split(block, BATCH, dim=1)


def _check_steps(n_steps: int) -> None:
    if n_steps < 1:
        raise InvalidInputError(f"--steps (n_steps=) must be 1 or more, got {n_steps}")
