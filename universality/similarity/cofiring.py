"""Products of the codes of two runs, summed over tokens: sparse, exact, in blocks of latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64
from scipy import sparse

from universality.codes import Codes, Latents, token_range

_ROWS_PER_PRODUCT = 128
_TOKENS_PER_PIECE = 4096
_NUMBERS_PER_PANEL = 1 << 24
_ENTRIES_PER_SEGMENT = 1 << 27
_ENTRIES_KEPT = 1 << 28
_NUMBERS_DENSE = 1 << 23
_FEWEST_TOKENS = 64
_WORTH_IT = 1 << 28
_COFIRING = 150
"""Time of one co-firing in a sparse product, in multiplications of a dense one: 3.5 to 6 ns beside
.021 to .03, on one thread, for 1,024 to 4,096 latents of which 6 to 20 % fire at once."""


@final
@dataclass(frozen=True, eq=False)
class Scaled:
    """Codes of one run as they enter the products: (code - shift) * scale, in float64."""

    codes: Codes
    """The codes."""
    scale: Float64[np.ndarray, " d_sae"]
    """Factor of each latent; 0 leaves the latent out."""
    shift: Float64[np.ndarray, " d_sae"]
    """Subtracted on every token; where it is not 0, a latent takes part on every token."""

    @property
    def density(self) -> float:
        """On which share of the tokens a latent takes part, on average."""
        entries = self.codes.n_entries + _shifted_entries(self)
        return min(1.0, entries / max(1, self.codes.n_tokens * self.codes.d_sae))

    def by_latent(self, tokens: range, latents: Latents) -> sparse.csr_array:
        """The scaled codes of some latents on a range of tokens: (latents, tokens)."""
        part = token_range(self.codes, tokens, latents=latents)
        values = sparse.csr_array(
            (part.data.astype(np.float64), part.indices, part.indptr), shape=part.shape
        )
        shift = self.shift[latents]
        if shift.any():
            values = sparse.csr_array(values - _constant(shift, len(tokens)))
        values.data *= np.repeat(self.scale[latents], np.diff(values.indptr))
        return values


@final
@dataclass(frozen=True, eq=False)
class Cofiring:
    """Sums over tokens of products of two runs' scaled codes, for any block of pairs.

    Each sum runs over the tokens on which both latents take part, in the order of the tokens,
    whatever block or list of pairs it is asked for with: the same pair always gives the same
    bits. The cost is the number of co-firings, not the number of pairs times that of tokens.
    """

    a: Scaled
    """Codes of the first run."""
    b: Scaled
    """Codes of the second run."""
    segments: tuple[range, ...]
    """Ranges of tokens that are multiplied in one go."""
    keeps: bool
    """Whether codes of b are kept by token, once they are asked for."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_a, n_b)."""
        return self.a.codes.d_sae, self.b.codes.d_sae

    def panel(
        self, latents: Latents, others: Latents = slice(None)
    ) -> Float64[np.ndarray, "n_latents n_others"]:
        """Sums for some latents of a with some of b."""
        index = np.arange(self.shape[0])[latents]
        columns = np.arange(self.shape[1])[others]
        sums = np.empty((index.size, columns.size))
        for number, tokens in enumerate(self.segments):
            by_token = self._by_token(number, columns)

            def multiply(part: slice, *, tokens: range = tokens, add: bool = number > 0) -> None:
                rows = self.a.by_latent(tokens, index[part])
                for latent, row in enumerate(sums[part]):
                    own = slice(*rows.indptr[latent : latent + 2])
                    total = _product(rows.indices[own], rows.data[own], by_token)  # noqa: B023
                    np.add(row, total, out=row) if add else np.copyto(row, total)

            in_threads(multiply, parts(index.size, _ROWS_PER_PRODUCT))
        return sums

    @property
    def is_crowded(self) -> bool:
        """Whether so many latents fire at once that products of dense codes take less time.

        Never where either takes a moment: what is small keeps its bits in any company.
        """
        n_a, n_b = self.shape
        large = n_a * n_b * self.a.codes.n_tokens >= _WORTH_IT
        return large and self.a.density * self.b.density * _COFIRING > 1

    def dense_panel(
        self, latents: Latents, others: Latents = slice(None)
    ) -> Float64[np.ndarray, "n_latents n_others"]:
        """The same sums, to rounding, from codes made dense some tokens at a time.

        The cost is the number of pairs times that of tokens, whatever fires; dense codes take at
        most 64 MB at once. Sums are in another order than those of `panel`.
        """
        index = np.arange(self.shape[0])[latents]
        columns = np.arange(self.shape[1])[others]
        sums = torch.zeros((index.size, columns.size), dtype=torch.float64)
        step = max(_FEWEST_TOKENS, _NUMBERS_DENSE // max(1, index.size + columns.size))
        # Buffers are kept over the loop: fresh memory would cost as much as filling it.
        sides = [(self.a, index, np.empty((step, index.size)))]
        sides.append((self.b, columns, np.empty((step, columns.size))))
        for tokens in self.segments:
            raw = [_raw_by_token(side, tokens, latents) for side, latents, _ in sides]
            for some in parts(len(tokens), step):
                for by_token, (side, latents, buffer) in zip(raw, sides, strict=True):
                    part = by_token[some].toarray(out=buffer[: some.stop - some.start])
                    if side.shift.any():
                        part -= side.shift[latents]
                left, right = (torch.from_numpy(buffer) for _, _, buffer in sides)
                sums.addmm_(left[: some.stop - some.start].T, right[: some.stop - some.start])
        scaled: Float64[np.ndarray, "n_latents n_others"] = sums.numpy()
        scaled *= self.a.scale[index][:, None]
        scaled *= self.b.scale[columns]
        return scaled

    def at(
        self, i: Int64[np.ndarray, " n_pairs"], j: Int64[np.ndarray, " n_pairs"]
    ) -> Float64[np.ndarray, " n_pairs"]:
        """The sum of each pair; costs all products of the latents of a that occur."""
        order = np.argsort(i, kind="stable")
        latents, starts = np.unique(i[order], return_index=True)
        ends = np.append(starts[1:], i.size)
        sums = np.empty(i.size)
        for part in parts(latents.size, rows_per_panel(self.shape[1])):
            pairs = order[starts[part][0] : ends[part][-1]]
            row = np.searchsorted(latents[part], i[pairs])
            sums[pairs] = self.panel(latents[part])[row, j[pairs]]
        return sums

    @cached_property
    def _kept(self) -> tuple[sparse.csr_array, ...]:
        """Codes of b for each segment, by token: (tokens, n_b)."""
        return tuple(_transposed(self.b, tokens, slice(None)) for tokens in self.segments)

    def _by_token(self, segment: int, columns: Int64[np.ndarray, " n"]) -> sparse.csr_array:
        everything = columns.size == self.shape[1] and bool((np.diff(columns) == 1).all())
        if self.keeps:
            kept = self._kept[segment]
            return kept if everything else kept[:, columns]
        latents = slice(None) if everything else columns
        return _transposed(self.b, self.segments[segment], latents)


def cofiring(a: Scaled, b: Scaled) -> Cofiring:
    """The sums of two runs over the same tokens.

    Codes of b are kept by token, 12 bytes per firing, up to 3 GB; above that they are brought
    into that order segment by segment, each time they are needed.
    """
    entries = max(side.codes.n_entries + _shifted_entries(side) for side in (a, b))
    n_tokens = a.codes.n_tokens
    n_segments = min(n_tokens, max(1, ceil(entries / _ENTRIES_PER_SEGMENT)))
    marks = np.linspace(0, n_tokens, n_segments + 1).astype(int).tolist()
    segments = tuple(range(low, high) for low, high in pairwise(marks))
    return Cofiring(a, b, segments, keeps=entries <= _ENTRIES_KEPT)


def rows_per_panel(n_cols: int) -> int:
    """How many latents of a make a panel of about 128 MB."""
    return max(_ROWS_PER_PRODUCT, _NUMBERS_PER_PANEL // n_cols)


def _product(
    tokens: Int[np.ndarray, " n"], values: Float64[np.ndarray, " n"], by_token: sparse.csr_array
) -> Float64[np.ndarray, " n_b"]:
    """One latent's codes times those of all others.

    A dense row with one pass over the co-firings: SciPy's product of two sparse matrices makes two
    and was two to three times slower. Pieces of tokens keep what is gathered within the cache.
    """
    first, *others = parts(tokens.size, _TOKENS_PER_PIECE) or [slice(0)]
    total = by_token[tokens[first]].T @ values[first]
    for piece in others:
        total += by_token[tokens[piece]].T @ values[piece]
    return np.asarray(total)


def _raw_by_token(side: Scaled, tokens: range, latents: Latents) -> sparse.csr_array:
    """Codes as they are, by token, in float64; with those of latents without a scale."""
    raw = token_range(side.codes, tokens, latents=latents)
    return sparse.csr_array(raw.astype(np.float64).T)


def _transposed(side: Scaled, tokens: range, latents: Latents) -> sparse.csr_array:
    return sparse.csr_array(side.by_latent(tokens, latents).T)


def _constant(shift: Float64[np.ndarray, " n"], n_tokens: int) -> sparse.csr_array:
    rows = np.flatnonzero(shift)
    ends = np.cumsum(np.where(shift != 0, n_tokens, 0))
    values = np.repeat(shift[rows], n_tokens)
    index = np.tile(np.arange(n_tokens), rows.size)
    return sparse.csr_array(
        (values, index, np.concatenate([[0], ends])), shape=(shift.size, n_tokens)
    )


def _shifted_entries(side: Scaled) -> int:
    return int(np.count_nonzero(side.shift)) * side.codes.n_tokens


def parts(n: int, step: int) -> list[slice]:
    """Consecutive slices of 0..n, `step` long."""
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def in_threads(work: Callable[[slice], None], parts: Iterable[slice]) -> None:
    """Do the work for each part, as many at a time as torch has threads."""
    with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
        list(pool.map(work, parts))
