"""A network run on features: encoded once, carried from layer to layer, decoded at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from universality.connectors.connector import Connector
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError

COLUMNS = ("original", "spliced", "connected", "ablated")
"""What stands beside each other: the network; with autoencoders spliced in; with the layers between
replaced by connectors; with the last state replaced by its mean."""


def carry(
    connectors: Sequence[Connector], codes: Float[np.ndarray, "n_tokens d_source"]
) -> Float[np.ndarray, "n_tokens d_target"]:
    """The codes that a chain of connectors makes of the first dictionary's.

    Raises:
        InvalidInputError: a connector does not begin where the one before it ends.
    """
    for before, after in pairwise(connectors):
        known = before.target.sha256 is not None and after.source.sha256 is not None
        if before.d_target != after.d_source or (
            known and before.target.sha256 != after.source.sha256
        ):
            raise InvalidInputError(
                f"a connector to {before.target.name} cannot be followed by one from "
                f"{after.source.name}"
            )
    for connector in connectors:
        codes = connector.predict(codes)
    return codes


@torch.no_grad()
def simulate(
    dictionaries: Sequence[Dictionary],
    connectors: Sequence[Connector],
    states: Float[Tensor, "n_tokens d_in"],
) -> Float[Tensor, "n_tokens d_out"]:
    """The last place's states when everything in between is done by connectors.

    `dictionaries` are those of the places, the first of which reads `states`; only the first
    encodes and only the last decodes.

    Raises:
        InvalidInputError: there is not one connector between each two dictionaries.
    """
    _check_chain(dictionaries, connectors)
    codes = carry(connectors, dictionaries[0].encode(states).numpy())
    return dictionaries[-1].decode(torch.from_numpy(np.ascontiguousarray(codes)))


@torch.no_grad()
def simulated_columns(
    dictionaries: Sequence[Dictionary],
    connectors: Sequence[Connector],
    layers: Sequence[Callable[[Tensor], Tensor]],
    states: Float[Tensor, "n_tokens d_in"],
) -> dict[str, Float[Tensor, "n_tokens d_out"]]:
    """The last place's states in each of the four `COLUMNS`.

    `layers` are the network's own between the places, `states` what passes at the first.

    Raises:
        InvalidInputError: there is not one layer and one connector between each two dictionaries.
    """
    _check_chain(dictionaries, layers)
    original, spliced = states, _spliced(dictionaries[0], states)
    for layer, dictionary in zip(layers, dictionaries[1:], strict=True):
        original, spliced = layer(original), _spliced(dictionary, layer(spliced))
    return {
        "original": original,
        "spliced": spliced,
        "connected": simulate(dictionaries, connectors, states),
        "ablated": original.mean(dim=0, keepdim=True).expand_as(original),
    }


def _spliced(dictionary: Dictionary, states: Tensor) -> Tensor:
    return dictionary.decode(dictionary.encode(states), states)


def _check_chain(dictionaries: Sequence[object], between: Sequence[object]) -> None:
    if len(dictionaries) < 2 or len(between) != len(dictionaries) - 1:
        raise InvalidInputError(
            f"{len(dictionaries)} dictionaries need {max(1, len(dictionaries) - 1)} between them, "
            f"got {len(between)}"
        )
