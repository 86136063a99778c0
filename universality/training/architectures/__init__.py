"""The architectures of the field: one published rule per file, each a record with its loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from universality.errors import InvalidInputError
from universality.training.architectures.aligned import AlignedTopKRecipe
from universality.training.architectures.batchtopk import BatchTopKRecipe
from universality.training.architectures.frozen import (
    FrozenDecoderRecipe,
    SoftFrozenDecoderRecipe,
)
from universality.training.architectures.gated import GatedRecipe
from universality.training.architectures.interface import Architecture
from universality.training.architectures.jumprelu import JumpReLURecipe
from universality.training.architectures.matryoshka import MatryoshkaRecipe
from universality.training.architectures.relu import ReLURecipe, TiedReLURecipe
from universality.training.architectures.topk import TopKRecipe
from universality.training.architectures.transcoder import TranscoderRecipe

RECIPES: tuple[type[Architecture], ...] = (
    TopKRecipe,
    AlignedTopKRecipe,
    ReLURecipe,
    TiedReLURecipe,
    GatedRecipe,
    JumpReLURecipe,
    BatchTopKRecipe,
    MatryoshkaRecipe,
    TranscoderRecipe,
    FrozenDecoderRecipe,
    SoftFrozenDecoderRecipe,
)
"""Every architecture that can be trained."""
NAMES = tuple(recipe.name for recipe in RECIPES)
"""Their names, as `--architecture` spells them."""


def make_architecture(name: str, options: Mapping[str, object] | None = None) -> Architecture:
    """The recipe of that name; `options` it does not have are an error, others are its defaults.

    Raises:
        InvalidInputError: no such architecture, or an option that it does not have.
    """
    recipe = next((recipe for recipe in RECIPES if recipe.name == name), None)
    if recipe is None:
        raise InvalidInputError(f"--architecture must be one of {', '.join(NAMES)}; got {name!r}")
    known = option_names(name)
    for option in options or {}:
        if option not in known:
            flag = option.replace("_", "-")
            raise InvalidInputError(
                f"--{flag} means nothing to {name}, whose options are "
                + ", ".join(f"--{own.replace('_', '-')}" for own in known)
            )
    return recipe(
        **{option: _typed(recipe, option, value) for option, value in (options or {}).items()}
    )


def _typed(recipe: type[Architecture], option: str, value: object) -> object:
    """The value as the option has it: whole numbers do where others are meant."""
    default = next(f.default for f in fields(recipe) if f.name == option)  # type: ignore[arg-type]
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(float(part) for part in value)
    wanted = int if isinstance(default, int) else float
    if isinstance(value, bool) or not isinstance(value, int | float) or wanted(value) != value:
        kind = "a whole number" if wanted is int else "a number"
        raise InvalidInputError(
            f"--{option.replace('_', '-')} of {recipe.name} must be {kind}, got {value!r}"
        )
    return wanted(value)


def option_names(name: str) -> tuple[str, ...]:
    """The options of the architecture of that name."""
    (recipe,) = (recipe for recipe in RECIPES if recipe.name == name)
    return tuple(field.name for field in fields(recipe))  # type: ignore[arg-type]
