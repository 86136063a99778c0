"""Nulls as ways to draw a pair of runs that share nothing (or only what training did not give).

Whatever is measured on the observed pair is measured on each drawn pair by the same function.
A run is a mapping from view to its directions; all views of a draw move together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, TypeAlias, final, runtime_checkable

import torch
from torch import Tensor

from universality.compute.norms import unit
from universality.errors import InvalidInputError
from universality.nulls import geometry
from universality.nulls.rotation import haar, rows_at_cosine, unit_rows

RunRows: TypeAlias = Mapping[str, Tensor]
"""Directions of one run by view: one row per latent, the same latents in every view."""


@runtime_checkable
class Draw(Protocol):
    """A pair of runs with the views and shapes of (a, b), drawn at random."""

    def __call__(
        self, a: RunRows, b: RunRows, *, generator: torch.Generator
    ) -> tuple[RunRows, RunRows]:
        """Two runs with the views and shapes of a and of b."""


@final
@dataclass(frozen=True, eq=False)
class Null:
    """One answer to "how similar would they be by chance?"."""

    name: str
    """How `--null` and result files call it."""
    description: str
    """What a draw keeps and what it destroys, for reports."""
    draw: Draw
    """Draws a pair of runs; the same generator state gives the same pair."""
    version: int = 1
    """Raised when its draws, or what is made of them, change; results name it, and draws kept from
    before are not used."""
    mixes_views: bool = False
    """Whether a draw of several views changes a little what each of them says alone."""

    def draw_each_view(
        self, a: RunRows, b: RunRows, *, generator: torch.Generator
    ) -> tuple[RunRows, RunRows]:
        """A pair of runs for what single views say: each is drawn by itself where they would mix.

        What two views of such a pair say together is nothing. Views with the same rows stay so.
        """
        if not self.mixes_views:
            return self.draw(a, b, generator=generator)
        made: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        for view in a:
            rows = id(a[view]), id(b[view])
            if rows not in made:
                one, other = self.draw({view: a[view]}, {view: b[view]}, generator=generator)
                made[rows] = one[view], other[view]
        pairs = {view: made[id(a[view]), id(b[view])] for view in a}
        return {view: x for view, (x, _) in pairs.items()}, {
            view: y for view, (_, y) in pairs.items()
        }


def find_null(name: str) -> Null:
    """The null of this name.

    Raises:
        InvalidInputError: there is no such null.
    """
    if name not in NULLS:
        raise InvalidInputError(f"unknown null {name!r}: --null takes {', '.join(NULLS)}")
    return NULLS[name]


def draw_isotropic(
    a: RunRows, b: RunRows, *, generator: torch.Generator
) -> tuple[RunRows, RunRows]:
    """Two fresh runs of uniform rows; each latent keeps the cosine between its own views."""
    return _isotropic_like(a, generator), _isotropic_like(b, generator)


def draw_geometry(a: RunRows, b: RunRows, *, generator: torch.Generator) -> tuple[RunRows, RunRows]:
    """Run a as it is, and b turned by a random map that keeps b's mean and covariance."""
    views = tuple(b.values())
    turn = geometry.draw_map(geometry.fit(*views), generator=generator)
    turned = geometry.concatenated(views) @ turn.to(views[0].device)
    return a, dict(
        zip(b, torch.split(turned, [view.shape[1] for view in views], dim=1), strict=True)
    )


def draw_haar(a: RunRows, b: RunRows, *, generator: torch.Generator) -> tuple[RunRows, RunRows]:
    """Run a as it is, and b turned by one uniformly random orthogonal map."""
    turned: dict[str, Tensor] = {}
    for views in _views_by_dimension(b):
        d = b[views[0]].shape[1]
        turned |= _turn(b, views, haar(d, generator=generator))
    return a, turned


def draw_untrained(
    a: RunRows, b: RunRows, *, generator: torch.Generator
) -> tuple[RunRows, RunRows]:
    """Two runs at initialisation: uniform decoder rows, and encoder rows tied to them."""
    return _untrained_like(a, generator), _untrained_like(b, generator)


def _isotropic_like(run: RunRows, generator: torch.Generator) -> RunRows:
    drawn: dict[str, Tensor] = {}
    for first, *others in _views_by_dimension(run):
        drawn[first] = unit_rows(*run[first].shape, generator=generator)
        for view in others:
            cosine = _row_cosine(run[first], run[view]).to(generator.device)
            drawn[view] = rows_at_cosine(drawn[first], cosine, generator=generator)
    return drawn


def _row_cosine(x: Tensor, y: Tensor) -> Tensor:
    return (unit(x) * unit(y)).sum(dim=1, keepdim=True)


def _untrained_like(run: RunRows, generator: torch.Generator) -> RunRows:
    drawn: dict[str, Tensor] = {}
    for views in _views_by_dimension(run):
        drawn |= dict.fromkeys(views, unit_rows(*run[views[0]].shape, generator=generator))
    return drawn


def _turn(run: RunRows, views: list[str], turn: Tensor) -> dict[str, Tensor]:
    return {view: unit(run[view]) @ turn.to(run[view].device) for view in views}


def _views_by_dimension(run: RunRows) -> list[list[str]]:
    """The views in groups that live in the same space, taken to be those of equal dimension."""
    groups: dict[int, list[str]] = {}
    for view, directions in run.items():
        groups.setdefault(directions.shape[1], []).append(view)
    return list(groups.values())


NULLS: Mapping[str, Null] = MappingProxyType(
    {
        null.name: null
        for null in (
            Null(
                "geometry",
                "b turned by a random rotation that keeps its mean, its covariance and the "
                "likeness of each latent's own rows; only the alignment with a is lost",
                draw_geometry,
                version=3,
                mixes_views=True,
            ),
            Null(
                "isotropic",
                "independent rows uniform on the sphere; keeps only the sizes and the angle "
                "between each latent's own encoder and decoder",
                draw_isotropic,
                version=2,
            ),
            Null(
                "haar",
                "b turned by a uniformly random rotation; destroys a mean direction and spectrum "
                "that the runs share, so it is no null for anisotropy",
                draw_haar,
                version=2,
            ),
            Null(
                "untrained",
                "two autoencoders of the same shape at initialisation, encoder tied to decoder: a "
                "floor, not a null of independence",
                draw_untrained,
                version=2,
            ),
        )
    }
)
"""The nulls by name, in the order in which help and reports list them; the first is the default."""
