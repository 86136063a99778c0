"""A grid: the product of seeds, widths, architectures, sparsities and hooks, cell by cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, final

from universality.activations.cache import ActivationCache
from universality.errors import InvalidInputError
from universality.training.architectures import make_architecture, option_names
from universality.training.architectures.interface import Architecture
from universality.training.settings import TrainingSettings

SPARSITIES = {"k": "k", "l1": "l1_", "target_l0": "l0_"}
"""What decides how sparse codes are, and how it is written in the name of a cell."""


@final
@dataclass(frozen=True)
class Axes:
    """What varies over a grid."""

    seeds: Sequence[int] = (0, 1, 2)
    """Seeds of the initial weights."""
    order_seeds: Sequence[int] | None = None
    """Seeds of the data order; None: those of the weights."""
    order: str = "paired"
    """Whether order seeds go with seeds one to one (`paired`) or all with all (`product`)."""
    widths: Sequence[int] | None = None
    """Numbers of latents."""
    expansion: Sequence[int] | None = None
    """The same as multiples of d_in; 4 where neither is given."""
    architectures: Sequence[str] = ("topk",)
    """Names of architectures."""
    sparsities: Mapping[str, Sequence[int | float]] = field(default_factory=dict)
    """Values of `k`, `l1` and `target_l0`; each varies the architectures that have it."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other options of architectures, by the name of the architecture."""


@final
@dataclass(frozen=True, eq=False)
class Cell:
    """One run of a grid."""

    name: str
    """Its folder."""
    settings: TrainingSettings
    """What is trained."""
    cache: ActivationCache
    """What it reads."""
    target: ActivationCache | None = None
    """What it writes, where that is another place of the model: transcoders."""


def cells(
    axes: Axes,
    base: Mapping[str, Any],
    caches: Sequence[ActivationCache],
    targets: Sequence[ActivationCache] | None = None,
) -> list[Cell]:
    """The product, hooks outermost and seeds innermost.

    `base` are the fields of `TrainingSettings` that all cells share. A cell is named by its width
    and seed, and by whatever else varies.

    Raises:
        InvalidInputError: two cells are the same, an axis is empty, or a value does not fit.
    """
    _check_axes(axes, caches, targets)
    recipes = _recipes(axes)
    written: Sequence[ActivationCache | None] = targets or [None] * len(caches)
    found = [
        Cell(
            _name(axes, settings, label, cache if len(caches) > 1 else None),
            settings,
            cache,
            target if settings.architecture.name == "transcoder" else None,
        )
        for cache, target in zip(caches, written, strict=True)
        for width, (label, recipe) in product(
            widths(cache.meta.d_in, expansion=axes.expansion, widths=axes.widths), recipes
        )
        for settings in _over_seeds(axes, TrainingSettings(width, recipe, **base))
    ]
    check_names([cell.name for cell in found])
    return found


def widths(
    d_in: int, *, expansion: Sequence[int] | None = None, widths: Sequence[int] | None = None
) -> list[int]:
    """Widths from multiples of d_in (4 when nothing is given), or as they are.

    Raises:
        InvalidInputError: both are given, or a width is below 1.
    """
    if expansion is not None and widths is not None:
        raise InvalidInputError("give either --expansion or --width, not both")
    chosen = [d_in * factor for factor in expansion or [4]] if widths is None else list(widths)
    if min(chosen) < 1:
        raise InvalidInputError(f"--expansion and --width must be at least 1, got {min(chosen)}")
    return chosen


def check_names(names: Sequence[str]) -> None:
    """Nothing, when every cell has a folder of its own.

    Raises:
        InvalidInputError: two have the same; they are the same run.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidInputError(
            f"two cells are the same run: {', '.join(twice)}; a seed, width or sparsity is given "
            "twice, or two caches have one hook"
        )


def shared_starts(found: Sequence[Cell]) -> str | None:
    """A sentence where some cells begin from the same weights; None where none do."""
    by_start: dict[tuple[object, ...], list[str]] = {}
    for cell in found:
        run = cell.settings
        width = None if run.start == "seed" else run.d_sae
        key = (run.start, run.init_seed, width, cell.cache.meta.d_in)
        by_start.setdefault(key, []).append(cell.name)
    shared = [names for names in by_start.values() if len(names) > 1]
    if not shared:
        return None
    first = shared[0]
    some = ", ".join(first[:3]) + (", ..." if len(first) > 3 else "")
    more = len(shared) - 1
    others = f" (and {more} more such set{'s' if more > 1 else ''})" if more else ""
    return (
        f"{len(first)} runs ({some}) share an initialisation seed and start from the same weights"
        f"{others}: wanted to see what the order of the data, the sparsity or the architecture "
        "does; to ask whether features recur, compare runs of different seeds"
    )


def _check_axes(
    axes: Axes, caches: Sequence[ActivationCache], targets: Sequence[ActivationCache] | None
) -> None:
    for name in ("seeds", "architectures", "order_seeds", "widths", "expansion"):
        if getattr(axes, name) is not None and not len(getattr(axes, name)):
            raise InvalidInputError(f"--{name.replace('_', '-')} is empty; name at least one")
    if axes.order not in ("paired", "product"):
        raise InvalidInputError(f"--order must be paired or product, got {axes.order!r}")
    orders = axes.order_seeds
    if axes.order == "paired" and orders is not None and len(orders) != len(axes.seeds):
        raise InvalidInputError(
            f"--order-seeds needs one per seed: {len(axes.seeds)} seeds, {len(orders)} order "
            "seeds; with --order product every seed goes with every order"
        )
    transcodes = "transcoder" in axes.architectures
    if transcodes and targets is None:
        raise InvalidInputError(
            "a transcoder writes another place than it reads: name the cache of that place with "
            "--target-activations"
        )
    if targets is not None and not transcodes:
        raise InvalidInputError("--target-activations is for --architecture transcoder")
    if targets is not None and len(targets) != len(caches):
        raise InvalidInputError(
            f"--target-activations needs one cache per --activations: {len(caches)} caches, "
            f"{len(targets)} targets"
        )


def _recipes(axes: Axes) -> list[tuple[str, Architecture]]:
    """Every architecture with every value of its sparsity, and what that adds to a name."""
    for name in axes.sparsities:
        if not any(name in option_names(architecture) for architecture in axes.architectures):
            make_architecture(axes.architectures[0], {name: axes.sparsities[name][0]})
    for architecture in axes.options:
        if architecture not in axes.architectures:
            raise InvalidInputError(
                f"options of {architecture} are given, which is not among the architectures of "
                f"the grid: {', '.join(axes.architectures)}"
            )
    found = []
    for architecture in axes.architectures:
        own = [name for name in axes.sparsities if name in option_names(architecture)]
        kind = f"-{architecture}" if len(axes.architectures) > 1 else ""
        for values in product(*(axes.sparsities[name] for name in own)):
            label = kind + "".join(
                f"-{SPARSITIES[name]}{value:g}"
                for name, value in zip(own, values, strict=True)
                if len(axes.sparsities[name]) > 1
            )
            options = dict(zip(own, values, strict=True)) | dict(axes.options.get(architecture, {}))
            found.append((label, make_architecture(architecture, options)))
    return found


def _over_seeds(axes: Axes, base: TrainingSettings) -> list[TrainingSettings]:
    orders = axes.seeds if axes.order_seeds is None else axes.order_seeds
    match axes.order:
        case "product":
            pairs = list(product(axes.seeds, orders))
        case "paired":
            pairs = list(zip(axes.seeds, orders, strict=True))
        case other:
            raise InvalidInputError(f"order must be paired or product, got {other!r}")
    return [replace(base, init_seed=seed, order_seed=order) for seed, order in pairs]


def _name(axes: Axes, settings: TrainingSettings, label: str, cache: ActivationCache | None) -> str:
    hook = "" if cache is None else f"-{cache.meta.hook_name.replace('/', '_')}"
    order = f"-order{settings.order_seed}" if axes.order == "product" else None
    name = f"w{settings.d_sae}-s{settings.init_seed}{order}" if order else settings.name
    return f"{name}{label}{hook}"
