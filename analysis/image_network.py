r"""An image network run on features: connectors between its layers, and whether seeds agree.

    python -m analysis.image_network --images DIR --name MNIST \
        --out analysis/results/image_network/mnist

DIR holds the four idx files of MNIST or Fashion-MNIST (`analysis.idx_images` says where to get
them); `--images digits` takes scikit-learn's digits instead. About five minutes on one core.

A network of four layers is trained; on each hidden layer tied, untied and TopK autoencoders of
several seeds; between the layers connectors by three recipes. `published` is the recipe of
Mitchell (2023), whose network falls from 97.8 to 94 %, with 458 weights above .1 where the layer
has 2,205 of 4,096: loss of all variance, random start, a plain ReLU.

Writes `summary.json`, `autoencoders.csv`, `connectors.csv`, `simulated.csv`, `across_seeds.csv`,
`conserved.csv` and `pictures.npz`, which `python -m data_visualization.image_network` draws.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import universality as un
from analysis.idx_images import Images, read_images, sklearn_digits
from analysis.image_classifier import N_HIDDEN
from analysis.image_training import (
    HEADLINE,
    RECIPES,
    Ends,
    Layers,
    Settings,
    ends_of,
    fitted_connectors,
    trained_layers,
)
from universality.connectors.across_seeds import compare_connectors
from universality.connectors.connector import Connector, pruned
from universality.connectors.conserved import conserved_edges
from universality.connectors.judging import judge_connector
from universality.connectors.simulation import simulated_columns
from universality.storage.json_output import write_json

PRUNED = 0.1
"""Raw weights of at most this are zeroed in the pruned network."""


def run(images: Images, out: Path, work: Path, settings: Settings) -> None:
    """Train, connect, simulate and compare, and write the results into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    layers = trained_layers(images, work, settings)
    ends = {
        seed: [ends_of(layers, layer, seed) for layer in range(N_HIDDEN)] for seed in settings.seeds
    }
    connectors = fitted_connectors(ends, work, settings)
    tables = {
        "autoencoders": _autoencoders(layers, images, settings),
        "connectors": _judged(connectors, ends),
        "simulated": _simulated(layers, connectors, images),
        "across_seeds": _across_seeds(layers, connectors, settings),
        "conserved": _conserved(layers, connectors, settings),
    }
    for name, table in tables.items():
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.5f", lineterminator="\n")
    write_json(_summary(layers, connectors, images, settings), out / "summary.json")
    np.savez_compressed(out / "pictures.npz", **_pictures(layers, connectors, images))


def _autoencoders(layers: Layers, images: Images, settings: Settings) -> pd.DataFrame:
    """Each autoencoder on test images, and the network's accuracy with it spliced in."""
    rows = []
    for (name, layer, seed), dictionary in layers.runs.items():
        states = layers.test[layer]
        codes = dictionary.encode(states)
        state = dictionary.decode(codes, states)
        spread = (states - states.mean(dim=0)).square().sum()
        fvu = float((states - state).square().sum() / spread)
        for later in layers.network.layers[layer + 1 :]:
            state = later(state)
        others = [layers.runs[name, layer, one] for one in settings.seeds if one != seed]
        cosines = [un.match(dictionary.W_dec, one.W_dec, progress=False).mean for one in others]
        rows.append(
            {
                "architecture": name,
                "layer": layer + 1,
                "seed": seed,
                "n_inputs": settings.presentations(name),
                "fvu": fvu,
                "l0": float((codes > 0).float().sum(dim=1).mean()),
                "dead_share": float((codes == 0).all(dim=0).float().mean()),
                "spliced_accuracy": layers.network.accuracy(state, images.test_labels),
                "cosine_with_other_seeds": float(np.mean(cosines)) if cosines else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def _judged(
    connectors: Mapping[tuple[str, int], list[Connector]],
    ends: Mapping[int, Ends],
) -> pd.DataFrame:
    """Each connector on test images."""
    rows = []
    for (recipe, seed), pair in connectors.items():
        for layer, connector in enumerate(pair):
            quality = judge_connector(connector, ends[seed][layer][1], ends[seed][layer + 1][1])
            rows.append(
                {
                    "recipe": recipe,
                    "seed": seed,
                    "from_layer": layer + 1,
                    "fvu_global": quality.global_fvu,
                    "fvu_median": quality.median_fvu,
                    "share_at_or_above_1": quality.unexplained_share,
                    "dead_rows": quality.dead_rows,
                    "n_weights": connector.n_weights,
                    "n_weights_above": pruned(connector, PRUNED).n_weights,
                    "n_standardised_above": pruned(
                        connector, PRUNED, units="standardised"
                    ).n_weights,
                }
            )
    return pd.DataFrame(rows)


def _simulated(
    layers: Layers, connectors: Mapping[tuple[str, int], list[Connector]], images: Images
) -> pd.DataFrame:
    """Accuracy in four columns, with all weights and with small ones zeroed."""
    rows = []
    for (recipe, seed), pair in connectors.items():
        for weights, used in (("all", pair), ("pruned", [pruned(one, PRUNED) for one in pair])):
            columns = simulated_columns(
                layers.chain(seed), used, layers.network.layers[1:], layers.test[0]
            )
            accuracy = {
                name: layers.network.accuracy(state, images.test_labels)
                for name, state in columns.items()
            }
            possible = sum(one.d_source * one.d_target for one in used)
            share = sum(one.n_weights for one in used) / possible
            rows.append(
                {"recipe": recipe, "seed": seed, "weights": weights, "weights_share": share}
                | accuracy
            )
    return pd.DataFrame(rows)


def _across_seeds(
    layers: Layers,
    connectors: Mapping[tuple[str, int], list[Connector]],
    settings: Settings,
) -> pd.DataFrame:
    """The first seed's connectors against those of the others, with null and ceiling."""
    parts = []
    for seed in settings.seeds[1:]:
        for layer in range(N_HIDDEN - 1):
            found = compare_connectors(
                connectors["per_feature", 0][layer],
                connectors["per_feature", seed][layer],
                sources=_match(layers, layer, seed),
                targets=_match(layers, layer + 1, seed),
                refitted=connectors["refit", 0][layer],
            )
            parts.append(found.table.assign(seed=seed, from_layer=layer + 1))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _conserved(
    layers: Layers, connectors: Mapping[tuple[str, int], list[Connector]], settings: Settings
) -> pd.DataFrame:
    """In how many seeds the edges of the first are found, beside the null."""
    others = settings.seeds[1:]
    parts = []
    for layer in range(N_HIDDEN - 1 if others else 0):
        for similarity in (0.0, 0.8):
            found = conserved_edges(
                [connectors["per_feature", seed][layer] for seed in settings.seeds],
                sources=[_match(layers, layer, seed) for seed in others],
                targets=[_match(layers, layer + 1, seed) for seed in others],
                similarity=similarity,
            )
            parts.append(found.counts.assign(from_layer=layer + 1, similarity=similarity))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _match(layers: Layers, layer: int, seed: int) -> un.Matching:
    a, b = (layers.runs[HEADLINE, layer, one].W_dec for one in (0, seed))
    return un.match(a, b, progress=False)


def _summary(
    layers: Layers,
    connectors: Mapping[tuple[str, int], list[Connector]],
    images: Images,
    settings: Settings,
) -> dict[str, Any]:
    dense = [int((layer.W.abs() > PRUNED).sum()) for layer in layers.network.layers[1:]]
    return {
        "images": images.name,
        "settings": asdict(settings),
        "recipes": {name: dict(recipe) for name, recipe in RECIPES.items()},
        "accuracy": layers.network.accuracy(layers.test[-1], images.test_labels),
        "dense_weights": settings.width**2,
        "dense_weights_above": dense,
        "published": {
            "accuracy": 0.978,
            "simulated_accuracy": 0.94,
            "dense_weights_above": 2205,
            "feature_weights_above": 458,
        },
        "feature_weights_above": {
            recipe: [pruned(one, PRUNED).n_weights for one in pair]
            for (recipe, seed), pair in connectors.items()
            if seed == 0
        },
    }


def _pictures(
    layers: Layers, connectors: Mapping[tuple[str, int], list[Connector]], images: Images
) -> dict[str, np.ndarray]:
    """What the figures show: one input through the last layer, weights, and maximal inputs."""
    dictionary, states = layers.runs[HEADLINE, 0, 0], layers.test[0]
    codes = dictionary.encode(states)
    often = (codes > 0).float().mean(dim=0)
    latent = int(torch.where((often > 0.01) & (often < 0.1), codes.amax(dim=0), -1.0).argmax())
    neuron = int(states.var(dim=0).argmax())
    top = {"feature": codes[:, latent].topk(9), "neuron": states[:, neuron].topk(9)}
    arrays = {
        "image": images.test[0],
        "neurons": states[0],
        "reconstruction": dictionary.decode(codes[:1], states[:1])[0],
        "features": codes[0],
        "dense_weights": layers.network.layers[1].W,
        "latent": torch.tensor(latent),
        "neuron": torch.tensor(neuron),
        "feature_images": images.test[top["feature"].indices],
        "feature_labels": images.test_labels[top["feature"].indices],
        "neuron_images": images.test[top["neuron"].indices],
        "neuron_labels": images.test_labels[top["neuron"].indices],
    }
    weights = {
        f"weights_{recipe}": connectors[recipe, 0][0].W.toarray()
        for recipe in ("per_feature", "global")
    }
    return {name: value.numpy() for name, value in arrays.items()} | weights


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", maxsplit=1)[0])
    parser.add_argument("--images", required=True, help="folder of idx files, or digits")
    parser.add_argument("--name", default="images", help="of the data set, for the summary")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="where trained runs are kept, to go on later")
    arguments = parser.parse_args()
    digits = arguments.images == "digits"
    images = (
        sklearn_digits() if digits else read_images(Path(arguments.images), name=arguments.name)
    )
    few = Settings(epochs=40, n_inputs=200_000, n_inputs_connected=200_000)
    settings = few if digits else Settings()
    with tempfile.TemporaryDirectory() as temporary:
        run(images, arguments.out, arguments.work or Path(temporary), settings)


if __name__ == "__main__":
    main()
