"""A small image network: four layers, ReLU, the same width in all hidden ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from analysis.idx_images import Images
from universality.connectors.analytic_map import Between
from universality.storage.staged_files import staged_file

N_HIDDEN = 3
"""Hidden layers."""


@final
@dataclass(frozen=True, eq=False)
class ImageNetwork:
    """The trained network, taken apart."""

    layers: tuple[Between, ...]
    """From the pixels to the first hidden layer, and from each to the next, through a ReLU."""
    head: Between
    """From the last hidden layer to the logits."""

    @torch.no_grad()
    def hidden(self, images: Float[Tensor, "n d"]) -> list[Float[Tensor, "n width"]]:
        """The state of every hidden layer."""
        states, state = [], images
        for layer in self.layers:
            state = layer(state)
            states.append(state)
        return states

    @torch.no_grad()
    def accuracy(self, last: Float[Tensor, "n width"], labels: Tensor) -> float:
        """Share of images whose class follows from these states of the last hidden layer."""
        return float((self.head(last).argmax(dim=1) == labels).float().mean())


def kept_network(file: Path, make: Callable[[], ImageNetwork]) -> ImageNetwork:
    """The network in a file, made and kept there where there is none."""
    if not file.is_file():
        made = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        parts = {f"W{i}": one.W for i, one in enumerate((*made.layers, made.head))}
        parts |= {f"b{i}": one.b for i, one in enumerate((*made.layers, made.head))}
        with staged_file(file) as staged:
            save_file(parts, staged)
    found = load_file(file)
    layers = [
        Between(found[f"W{i}"], found[f"b{i}"], relu=i < N_HIDDEN) for i in range(N_HIDDEN + 1)
    ]
    return ImageNetwork(tuple(layers[:-1]), layers[-1])


def train_network(
    images: Images, *, width: int, epochs: int, batch_size: int, learning_rate: float, seed: int
) -> ImageNetwork:
    """A network trained with Adam, its rate falling linearly to zero."""
    torch.manual_seed(seed)
    sizes = [images.train.shape[1], *[width] * N_HIDDEN, images.n_classes]
    linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    parts = [part for layer in linear[:-1] for part in (layer, nn.ReLU())]
    network: Callable[[Tensor], Tensor] = nn.Sequential(*parts, linear[-1])
    n_batches = len(images.train) // batch_size
    weights = [weight for layer in linear for weight in layer.parameters()]
    optimizer = torch.optim.Adam(weights, learning_rate, weight_decay=1e-5)
    n_steps = epochs * n_batches
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / n_steps)
    for _ in tqdm(range(epochs), f"network on {images.name}", disable=None):
        order = torch.randperm(len(images.train))
        for rows in order[: n_batches * batch_size].split(batch_size):
            loss = nn.functional.cross_entropy(
                network(images.train[rows]), images.train_labels[rows]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    frozen = [
        Between(layer.weight.detach(), layer.bias.detach(), relu=layer is not linear[-1])
        for layer in linear
    ]
    return ImageNetwork(tuple(frozen[:-1]), frozen[-1])
