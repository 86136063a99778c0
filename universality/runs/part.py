"""A run and the part of it that takes part: by one rule for all runs that are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Int64, Shaped
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.codes import Codes, take_latents
from universality.dictionary import Dictionary
from universality.runs.alive import Alive, find_alive, find_firing
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS, RowsByView, Traits


@final
@dataclass(frozen=True, eq=False)
class Recorded:
    """What all latents of a run do on the tokens that the runs have in common."""

    codes: Codes
    """Codes of every latent on every common token."""
    cache: ActivationCache
    """Where the run's activations come from."""
    rows: Int64[np.ndarray, " n_tokens"]
    """Row of that cache that each token is."""
    key: str
    """Hash of all that the codes depend on."""

    @property
    def share_in_common(self) -> float:
        """Share of the rows of the cache that are compared, in (0, 1]."""
        return len(self.rows) / len(self.cache)


@final
@dataclass(frozen=True, eq=False)
class RunPart:
    """One of the runs that are compared, and the latents of it that take part."""

    name: str
    """What tells it from the others."""
    dictionary: Dictionary
    """The whole run."""
    sha256: str
    """Hash of its weights."""
    alive: Alive
    """Which latents take part, and why."""
    traits: Traits
    """What views compare of them."""
    recorded: Recorded | None = None
    """What the whole run does on the common tokens; None without activations."""

    @property
    def directions(self) -> RowsByView:
        """Rows of the latents that take part, by view."""
        return self.traits.directions

    @property
    def codes(self) -> Codes | None:
        """Their codes on the common tokens; None without activations."""
        return self.traits.codes

    @cached_property
    def numbers(self) -> Int64[np.ndarray, " n_alive"]:
        """The latents' own numbers in the run, in the order of the rows."""
        return self.alive.mask.cpu().numpy().nonzero()[0]

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """Hash of what enters a match, by view."""
        found = {view: array_digest(r.float().cpu().numpy()) for view, r in self.directions.items()}
        if self.recorded is not None:
            where = array_digest(self.recorded.rows), array_digest(self.alive.mask.cpu().numpy())
            found[ACTIVATIONS] = "/".join([self.recorded.key, *where])
        return found

    def numbered(self, places: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """The own numbers of latents by their place among those that take part; -1 stays."""
        return np.where(places >= 0, self.numbers[places], -1)

    def column(self, values: Shaped[np.ndarray, " n_alive"]) -> Shaped[np.ndarray, " d_sae"]:
        """Values of the latents that take part as a column for all: -1, False or NaN elsewhere."""
        missing = {"i": -1, "b": False}.get(values.dtype.kind, np.nan)
        column = np.full(self.dictionary.d_sae, missing, dtype=values.dtype)
        column[self.numbers] = values
        return column


def alive_in(
    runs: Sequence[Dictionary], codes: Sequence[Codes], policy: Policy
) -> tuple[Alive, ...]:
    """Which latents of each run take part; with codes, unless the policy says otherwise, by firing.

    Raises:
        InvalidInputError: as `find_alive` and `find_firing`.
    """
    if codes and policy.alive in ("auto", "firing"):
        both = zip(runs, codes, strict=True)
        return tuple(find_firing(run, fires, policy.min_firing) for run, fires in both)
    return find_alive(runs, policy.alive)


def traits_of(
    dictionary: Dictionary, alive: Alive, views: Sequence[str], codes: Codes | None
) -> Traits:
    """What views compare of the latents that take part."""
    rows: dict[str, Tensor] = {
        view: dictionary.directions(view) for view in dictionary.views if view in views
    }
    if not bool(alive.mask.all()):
        rows = {view: matrix[alive.mask] for view, matrix in rows.items()}
        codes = codes and take_latents(codes, alive.mask.cpu().numpy().nonzero()[0])
    return Traits(rows, codes)


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array: numbers, shape and number format."""
    header = f"{array.dtype}{array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()
