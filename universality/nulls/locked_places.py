"""What each latent does at each place of a document: the histograms behind the bound on p-values.

Places are those that the tokens null keeps: token s of the k-th piece of a document, while so many
documents have a k-th piece that these change places among themselves; of all later pieces, token s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64
from scipy import sparse
from torch import Tensor

from universality.codes import Codes, token_range
from universality.nulls.tokens import kept_places

LEVELS = 1.5 ** -np.arange(12.0)
"""Sizes that histograms distinguish, relative to the largest of a latent."""

_MOST_PLACES = 192
_SMALLEST = 1e-30

_Part: TypeAlias = "Int64[np.ndarray, ' _']"


@final
@dataclass(frozen=True, eq=False)
class Histograms:
    """How often each latent does how much at each place.

    A value between two levels counts partly as the one and partly as the other, so that the mean
    stays: sums of any convex function that is 0 at 0 are never below those over the values.
    """

    largest: Float64[np.ndarray, " n"]
    """The largest value of each latent; never 0."""
    counts: sparse.csr_array
    """Weight of each level at each place: (n, places * levels)."""

    def at(self, part: _Part, n_levels: int = LEVELS.size) -> Float[Tensor, "part places levels"]:
        """The histograms of some latents."""
        dense = self.counts[part].toarray().astype(np.float32)
        return torch.from_numpy(dense.reshape(part.size, -1, n_levels))


@final
@dataclass(frozen=True, eq=False)
class Profile:
    """The codes of one run by place, in standard deviations over root n_tokens, by size."""

    sums: Histograms
    """Sums of the codes within a piece, at each token weighted with its share of the sum over the
    number of tokens at that place."""
    tokens: Histograms
    """The codes."""
    joined: int
    """How many neighbouring places within a piece are taken for one by `joined_sums` and
    `joined_tokens`."""

    def joined_sums(self, part: _Part) -> Float[Tensor, "part joined levels"]:
        """Histograms of sums, added up over the places that are taken for one."""
        return _neighbours(self.sums.at(part), self.joined).sum(dim=2)

    def joined_tokens(self, part: _Part) -> Float[Tensor, "part joined levels"]:
        """Histograms of codes that exceed, level by level, those of each place taken for one."""
        if self.joined == 1:
            return self.tokens.at(part)
        exceeding = _neighbours(self.tokens.at(part), self.joined).cumsum(dim=3).amax(dim=2)
        return exceeding.diff(dim=2, prepend=exceeding.new_zeros((*exceeding.shape[:2], 1)))


def profiles(
    a: Codes, b: Codes, documents: Int[np.ndarray, " n_tokens"], window: int
) -> tuple[Profile, Profile]:
    """The codes of two runs on the same tokens, by place.

    From 192 places on, 2, 4, 8 … neighbours within a piece are taken for one.
    """
    piece, place = kept_places(documents, window)
    n_places = int(place.max()) + 1
    joined = 1
    while joined < window and n_places > joined * _MOST_PLACES:
        joined *= 2
    n_at_place = np.bincount(place)
    first, second = (_profile(codes, piece, place, n_at_place, joined) for codes in (a, b))
    return first, second


def deviation(codes: Codes) -> Float64[np.ndarray, " d_sae"]:
    """Standard deviation of each latent; infinite where constant, so that it weighs nothing."""
    return np.where(codes.variance > 0, np.sqrt(codes.variance), np.inf)


def _profile(
    codes: Codes,
    piece: Int64[np.ndarray, " n_tokens"],
    place: Int64[np.ndarray, " n_tokens"],
    n_at_place: Int64[np.ndarray, " n_places"],
    joined: int,
) -> Profile:
    whole = abs(token_range(codes, range(codes.n_tokens)).astype(np.float64))
    unit = sparse.diags_array(1 / (np.sqrt(codes.n_tokens) * deviation(codes)))
    fires = sparse.coo_array(unit @ whole)
    keep = fires.data > 0
    latent, token, code = fires.row[keep], fires.col[keep], fires.data[keep]
    n_pieces = int(piece[-1]) + 1
    of_piece, key = np.unique(latent * n_pieces + piece[token], return_inverse=True)
    total = np.bincount(key, code, minlength=of_piece.size)[key]
    at, shape = place[token], (codes.d_sae, n_at_place.size)
    return Profile(
        sums=_histograms(latent, at, total, code / total / n_at_place[at], shape),
        tokens=_histograms(latent, at, code, np.ones(code.size), shape),
        joined=joined,
    )


def _histograms(
    latent: Int[np.ndarray, " n_values"],
    place: Int64[np.ndarray, " n_values"],
    value: Float64[np.ndarray, " n_values"],
    weight: Float64[np.ndarray, " n_values"],
    shape: tuple[int, int],
) -> Histograms:
    largest = np.full(shape[0], _SMALLEST)
    np.maximum.at(largest, latent, value)
    size = value / largest[latent]
    bounds = np.append(LEVELS, 0.0)
    upper = (np.searchsorted(-LEVELS, -size, side="right") - 1).clip(min=0)
    part = ((size - bounds[upper + 1]) / (bounds[upper] - bounds[upper + 1])).clip(0, 1)
    column = place * LEVELS.size + upper
    lower = upper + 1 < LEVELS.size
    counts = sparse.coo_array(
        (
            np.concatenate([weight * part, (weight * (1 - part))[lower]]),
            (
                np.concatenate([latent, latent[lower]]),
                np.concatenate([column, column[lower] + 1]),
            ),
        ),
        shape=(shape[0], shape[1] * LEVELS.size),
    )
    return Histograms(largest, sparse.csr_array(counts))


def _neighbours(
    histograms: Float[Tensor, "part places levels"], joined: int
) -> Float[Tensor, "part joined each levels"]:
    missing = -histograms.shape[1] % joined
    padded = torch.nn.functional.pad(histograms, (0, 0, 0, missing))
    return padded.reshape(len(padded), -1, joined, padded.shape[2])
