"""Views: by what latents of two runs are compared, the same for runs and for null draws.

A view is an object with a name, a direction and a similarity. Whatever can be said of two latents
as a similarity (what they write, read, or when they fire; a map learnt between layers, their logit
weights) is matched, drawn and tabled by the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from universality.codes import Codes
from universality.dictionary import DirectionName
from universality.similarity import Cosine, Similarity
from universality.similarity.code_similarity import CodeSimilarity
from universality.similarity.measures import Measure

ACTIVATIONS: Literal["activations"] = "activations"
"""Name of the view that compares when latents fire."""

BOTH = "decoder_and_encoder"
"""The rule under which a pair counts when both views of directions name it."""

ALIGNMENTS = ("none", "shared", "rotation", "affine")
"""How directions of different models are made comparable: not at all; taken to share one space
because the user says so (fine-tuned models); or through a map fitted to both on the same tokens."""
FITTED_ALIGNMENTS = ("rotation", "affine")
"""Those that fit a map."""
_CPU = torch.device("cpu")

RowsByView: TypeAlias = Mapping[str, Float[Tensor, "_ _"]]
"""Directions of some latents by view: one row per latent, the same latents in every view."""


@final
@dataclass(frozen=True, eq=False)
class Traits:
    """What views compare of the latents of a run, or of a draw that stands for one."""

    directions: RowsByView
    """Their rows, by view."""
    codes: Codes | None = None
    """What they do on the common tokens; None where nobody knows."""

    @property
    def n_latents(self) -> int:
        """How many latents there are."""
        if self.codes is not None:
            return self.codes.d_sae
        return int(next(iter(self.directions.values())).shape[0])


@runtime_checkable
class View(Protocol):
    """One way to look at the latents of two runs."""

    @property
    def name(self) -> str:
        """How policies, tables and figures call it."""

    @property
    def directed(self) -> bool:
        """Whether the similarity of a to b is another than that of b to a."""

    @property
    def device(self) -> torch.device:
        """Where products are computed."""

    def of(self, run: Traits) -> Tensor | Codes:
        """What the view looks at: the same object where two views look at the same."""

    def between(self, a: Traits, b: Traits) -> Similarity:
        """How alike the latents of a are to those of b."""


@final
@dataclass(frozen=True)
class DirectionView:
    """Latents are alike that write, or read, in the same direction: the cosine of their rows."""

    name: DirectionName
    absolute: bool
    """Whether a latent and its sign-flipped twin count as the same."""
    device: torch.device
    """Where products are computed."""
    directed: bool = False
    precision: torch.dtype | None = None
    """Of the products; None takes what the hardware multiplies fastest."""

    def of(self, run: Traits) -> Tensor:
        """The rows of the latents."""
        return run.directions[self.name]

    def between(self, a: Traits, b: Traits) -> Similarity:
        """The cosine of rows."""
        return Cosine.between(
            self.of(a),
            self.of(b),
            absolute=self.absolute,
            device=self.device,
            precision=self.precision,
        )


@final
@dataclass(frozen=True)
class FiringView:
    """Latents are alike that fire together."""

    measure: Measure
    """What firing together means."""
    absolute: bool
    """Whether signs are dropped; otherwise they count unless both runs have negative codes."""
    name: Literal["activations"] = ACTIVATIONS
    directed: bool = False
    device: torch.device = _CPU
    """Sparse products run there."""

    def of(self, run: Traits) -> Codes:
        """The codes of the latents."""
        assert run.codes is not None
        return run.codes

    def between(self, a: Traits, b: Traits) -> Similarity:
        """The measure of firing together, over the common tokens."""
        return CodeSimilarity.between(
            self.of(a), self.of(b), self.measure, absolute=self.absolute or None, progress=False
        )


def direction_views(
    names: Sequence[DirectionName], *, absolute: bool = False, device: torch.device
) -> tuple[View, ...]:
    """The views of directions of these names."""
    return tuple(DirectionView(name, absolute, device) for name in names)


class Similarities(Mapping[str, Similarity]):
    """The similarity of two runs by view, each made when it is first asked for.

    One object where views look at the same rows.
    """

    def __init__(self, views: Sequence[View], a: Traits, b: Traits) -> None:
        self._views = {view.name: view for view in views}
        self._a, self._b = a, b
        self._made: dict[str, Similarity] = {}

    def __getitem__(self, view: str) -> Similarity:
        first = self.first_alike(view)
        if first not in self._made:
            self._made[first] = self._views[first].between(self._a, self._b)
        return self._made[first]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    @property
    def shape(self) -> tuple[int, int]:
        """Latents of a, and of b."""
        return self._a.n_latents, self._b.n_latents

    @property
    def device(self) -> torch.device:
        """Where the first view computes."""
        return next(iter(self._views.values())).device

    def first_alike(self, view: str) -> str:
        """The first view that looks at the same as this one."""
        seen = self._seen(view)
        return next(name for name in self._views if self._seen(name) == seen)

    def _seen(self, view: str) -> tuple[int, int]:
        of = self._views[view].of
        return id(of(self._a)), id(of(self._b))
