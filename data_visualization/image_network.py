"""One input, weights and maximal inputs of an image network, and what its connectors do.

    python -m data_visualization.image_network analysis/results/image_network/mnist --out DIR

Reads what `analysis/image_network.py` wrote and draws `one_input` (an input, its neurons with their
reconstruction, its features), `weights` (of neurons and of features, with the counts above .1) and
`maximal_inputs` (of a feature, and of a neuron).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

import universality as un
from universality.intake.array_files import read_arrays
from universality.intake.json_files import read_mapping

_ABOVE = 0.1


def image(ax: Axes, pixels: np.ndarray, *, title: str) -> Axes:
    """Images side by side in rows of three, or one."""
    side = int(np.sqrt(pixels.shape[-1]))
    tiles = np.pad(pixels.reshape(-1, side, side), ((0, 0), (1, 1), (1, 1)))
    columns = 3 if len(tiles) > 1 else 1
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    ax.pcolormesh(np.vstack(rows), cmap="Greys")
    ax.invert_yaxis()
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def neurons(ax: Axes, pictures: dict[str, np.ndarray]) -> Axes:
    """The state of the first hidden layer, and what the autoencoder gives back."""
    places = np.arange(pictures["neurons"].size)
    ax.bar(places, pictures["neurons"], color="#B0B0B0", label="neuron")
    line = {"color": "#0072B2", "linestyle": "none", "marker": ".", "markersize": 3}
    ax.plot(places, pictures["reconstruction"], label="reconstruction", **line)
    ax.set_xlabel("neuron of the first hidden layer")
    ax.set_ylabel("activation")
    ax.legend(framealpha=0.85, edgecolor="none")
    return ax


def features(ax: Axes, pictures: dict[str, np.ndarray]) -> Axes:
    """The codes of the same input."""
    codes = pictures["features"]
    ax.bar(np.arange(codes.size), codes, color="#0072B2", width=1.5, label="feature")
    ax.set_xlabel(f"feature ({int((codes > 0).sum())} of {codes.size} active)")
    ax.set_ylabel("code")
    return ax


def weights(ax: Axes, matrix: np.ndarray, *, title: str) -> Axes:
    """A matrix of weights, with how many exceed .1."""
    above = int((np.abs(matrix) > _ABOVE).sum())
    limit = float(np.quantile(np.abs(matrix), 0.995)) or 1.0
    ax.pcolormesh(matrix, cmap="RdBu", vmin=-limit, vmax=limit, rasterized=True)
    ax.invert_yaxis()
    ax.set_title(f"{title}\n{above:,} of {matrix.size:,} above {_ABOVE:g}")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def draw(folder: Path, out: Path) -> None:
    """The three figures of a result."""
    pictures = read_arrays(folder / "pictures.npz")
    name = read_mapping(folder / "summary.json")["images"]
    latent, neuron = int(pictures["latent"]), int(pictures["neuron"])
    panels: dict[str, dict[str, Callable[[Axes], Axes]]] = {
        "one_input": {
            "input": partial(image, pixels=pictures["image"], title=f"{name}, one test image"),
            "neurons": partial(neurons, pictures=pictures),
            "features": partial(features, pictures=pictures),
        },
        "weights": {
            "neurons": partial(weights, matrix=pictures["dense_weights"], title="neurons"),
            "per_feature": partial(
                weights, matrix=pictures["weights_per_feature"], title="features, per-feature loss"
            ),
            "global": partial(
                weights, matrix=pictures["weights_global"], title="features, global loss"
            ),
        },
        "maximal_inputs": {
            "feature": partial(
                image, pixels=pictures["feature_images"], title=f"highest of feature {latent}"
            ),
            "neuron": partial(
                image, pixels=pictures["neuron_images"], title=f"highest of neuron {neuron}"
            ),
        },
    }
    options: dict[str, Any] = {"formats": "png", "aspect": 1.0}
    for stem, draws in panels.items():
        un.figures.write_panels(draws, out / stem, columns=len(draws), width=7.0, **options)
        (out / f"{stem}.csv").unlink()


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
