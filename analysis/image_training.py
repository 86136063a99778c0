"""What the image example trains: a network, autoencoders on its layers, connectors between them.

Everything is kept in a work folder, so that an interrupted study goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, final

from torch import Tensor

import universality as un
from analysis.array_cache import write_array_cache
from analysis.idx_images import Images
from analysis.image_classifier import N_HIDDEN, ImageNetwork, kept_network, train_network
from universality.codes import from_batches
from universality.connectors.connector import Connector
from universality.connectors.connector_file import read_connector
from universality.connectors.connector_fit import fit_connector
from universality.connectors.ends import ConnectorEnd, key_of
from universality.dictionary import Dictionary
from universality.training.architectures.interface import Architecture
from universality.training.architectures.relu import ReLURecipe, TiedReLURecipe
from universality.training.architectures.topk import TopKRecipe

RECIPES: Mapping[str, Mapping[str, Any]] = {
    "per_feature": {"loss": "per_feature", "l1": 3e-3},
    "global": {"loss": "global", "l1": 1e-2},
    "refit": {"loss": "per_feature", "l1": 3e-3, "init": "random", "seed": 1},
    "published": {"loss": "global", "l1": 1e-2, "init": "random", "warm_up": 0.0},
}
"""How connectors are fitted."""

Ends: TypeAlias = list[tuple[ConnectorEnd, ConnectorEnd]]
"""By layer, what its autoencoder does on training images, and on test images."""

HEADLINE = "relu_tied"
"""The autoencoders that are connected."""


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the numbers, besides the images."""

    width: int = 64
    """Neurons of each hidden layer."""
    expansion: int = 4
    """Latents for each neuron."""
    l1: float = 0.3
    """Penalty of the tied and untied autoencoders."""
    k: int = 12
    """Latents per input of TopK."""
    epochs: int = 12
    """Of the network."""
    batch_size: int = 128
    """Of the network."""
    n_inputs: int = 500_000
    """Presentations to each autoencoder that is not connected."""
    n_inputs_connected: int = 3_000_000
    """Presentations to each that is: seeds agree only where they are trained for long."""
    steps: int = 1_000
    """Of each connector."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the autoencoders; the network has one."""

    def recipes(self) -> tuple[Architecture, ...]:
        """The architectures of the autoencoders."""
        return TiedReLURecipe(l1=self.l1), ReLURecipe(l1=self.l1), TopKRecipe(k=self.k)

    def presentations(self, architecture: str) -> int:
        """Inputs that an autoencoder of this architecture is trained on, repeats counted."""
        return self.n_inputs_connected if architecture == HEADLINE else self.n_inputs


@final
@dataclass(frozen=True, eq=False)
class Layers:
    """The network with all that was trained on it."""

    network: ImageNetwork
    """The classifier."""
    train: list[Tensor]
    """States of the hidden layers on the training images."""
    test: list[Tensor]
    """States on the test images."""
    runs: Mapping[tuple[str, int, int], Dictionary]
    """Autoencoders by architecture, layer and seed."""

    def chain(self, seed: int) -> list[Dictionary]:
        """The autoencoders of one seed that are connected, layer by layer."""
        return [self.runs[HEADLINE, layer, seed] for layer in range(N_HIDDEN)]


def trained_layers(images: Images, work: Path, settings: Settings) -> Layers:
    """The network, and autoencoders of every kind and seed on each of its hidden layers."""
    network = kept_network(
        work / "network.safetensors",
        lambda: train_network(
            images,
            width=settings.width,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rate=3e-3,
            seed=0,
        ),
    )
    train = network.hidden(images.train)
    runs: dict[tuple[str, int, int], Dictionary] = {}
    for layer, states in enumerate(train):
        hook = f"blocks.{layer}.hook_resid_post"
        name = f"{images.name} network"
        cache = write_array_cache(work / f"layer-{layer}", states, model_name=name, hook_name=hook)
        for recipe in settings.recipes():
            cells = [
                un.TrainingSettings(
                    d_sae=settings.expansion * settings.width,
                    architecture=recipe,
                    init_seed=seed,
                    order_seed=seed,
                    n_tokens=settings.presentations(recipe.name),
                    batch_size=min(1_024, len(states) // 2),
                    learning_rate=4e-3,
                    dtype="float32",
                    decoder="dense",
                )
                for seed in settings.seeds
            ]
            folders = un.train(cache, cells, work / f"{recipe.name}-{layer}")
            for cell, folder in zip(cells, folders, strict=True):
                runs[recipe.name, layer, cell.init_seed] = un.load(folder)
    return Layers(network, train, network.hidden(images.test), runs)


def ends_of(layers: Layers, layer: int, seed: int) -> tuple[ConnectorEnd, ConnectorEnd]:
    """What the connected autoencoder of a layer does on training images, and on test images."""
    dictionary = layers.runs[HEADLINE, layer, seed]
    key = key_of(dictionary)
    codes = [dictionary.encode(states[layer]) for states in (layers.train, layers.test)]
    fit, test = (ConnectorEnd(from_batches([one], dictionary.d_sae), None, key) for one in codes)
    return fit, test


def fitted_connectors(
    ends: Mapping[int, Ends], work: Path, settings: Settings
) -> dict[tuple[str, int], list[Connector]]:
    """By recipe and seed, one for each two layers; all recipes for the first seed alone.

    `refit` is the first seed's, fitted again from another start: the ceiling of agreement.
    """
    wanted = [(name, 0) for name in RECIPES]
    wanted += [("per_feature", seed) for seed in settings.seeds[1:]]
    return {
        (name, seed): [
            _kept_connector(ends[seed], layer, name, work / f"{name}-{seed}-{layer}", settings)
            for layer in range(N_HIDDEN - 1)
        ]
        for name, seed in wanted
    }


def _kept_connector(ends: Ends, layer: int, name: str, stem: Path, settings: Settings) -> Connector:
    file = stem.with_name(f"{stem.name}.safetensors")
    if not file.is_file():
        pair = ends[layer][0], ends[layer + 1][0]
        fit_connector(*pair, steps=settings.steps, **RECIPES[name]).save(file)
    return read_connector(file)
