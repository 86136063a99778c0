"""Sparse codes of one run over many tokens, stored by latent, and what each latent does in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias, final

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from scipy import sparse
from torch import Tensor

from universality.errors import InvalidInputError
from universality.shapes import ArrayLike, as_matrix

Chunk: TypeAlias = sparse.csr_array
"""Codes of a range of tokens: (d_sae, tokens), float32, tokens ascending within each latent."""

Latents: TypeAlias = slice | Int64[np.ndarray, " _"]
"""Which latents: a range, or a list."""

CodeBatch: TypeAlias = "ArrayLike | sparse.csr_array | sparse.csc_array"
"""Codes of consecutive tokens, (tokens, d_sae)."""

CHUNK_TOKENS = 1 << 18
"""Tokens after which a chunk is closed."""
CHUNK_ENTRIES = 1 << 24
"""Stored values after which a chunk is closed, whichever comes first."""


@final
@dataclass(frozen=True, eq=False)
class Codes:
    """What every latent of one run does on every token, as far as it fires.

    A latent fires on a token where its code is not zero; no zero is ever stored. Chunks may be
    memory-mapped, so that codes can be larger than memory.
    """

    chunks: tuple[Chunk, ...]
    """Consecutive ranges of tokens, each stored by latent."""

    def __post_init__(self) -> None:
        if not self.chunks or len({chunk.shape[0] for chunk in self.chunks}) != 1:
            raise InvalidInputError(
                "codes need at least one chunk, and every chunk the same number of latents; got "
                f"shapes {[chunk.shape for chunk in self.chunks]}"
            )

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return int(self.chunks[0].shape[0])

    @cached_property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return sum(int(chunk.shape[1]) for chunk in self.chunks)

    @cached_property
    def n_entries(self) -> int:
        """Number of times that any latent fires."""
        return sum(int(chunk.nnz) for chunk in self.chunks)

    @cached_property
    def count(self) -> Int64[np.ndarray, " d_sae"]:
        """On how many tokens each latent fires."""
        counts = np.zeros(self.d_sae, dtype=np.int64)
        for chunk in self.chunks:
            counts += np.diff(chunk.indptr)
        return counts

    @cached_property
    def total(self) -> Float64[np.ndarray, " d_sae"]:
        """Sum of each latent's codes."""
        return self._sum_over_entries(lambda values, _: values)

    @cached_property
    def total_of_squares(self) -> Float64[np.ndarray, " d_sae"]:
        """Sum of the squares of each latent's codes."""
        return self._sum_over_entries(lambda values, _: values * values)

    @cached_property
    def squares_by_token(self) -> Float64[np.ndarray, " n_tokens"]:
        """Sum of the squares of all codes on each token."""
        parts = [
            np.bincount(
                chunk.indices,
                weights=chunk.data.astype(np.float64) ** 2,
                minlength=int(chunk.shape[1]),
            )
            for chunk in self.chunks
        ]
        return np.concatenate(parts)

    @property
    def frequency(self) -> Float64[np.ndarray, " d_sae"]:
        """Fraction of tokens on which each latent fires, in [0, 1]."""
        return np.asarray(self.count / self.n_tokens)

    @property
    def log_density(self) -> Float64[np.ndarray, " d_sae"]:
        """Logarithm to base 10 of the frequency; minus infinity for a latent that never fires."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log10(self.frequency))

    @property
    def mean_active(self) -> Float64[np.ndarray, " d_sae"]:
        """Mean code of each latent over the tokens on which it fires; 0 for one that never does."""
        return np.asarray(self.total / np.maximum(self.count, 1))

    @property
    def mean(self) -> Float64[np.ndarray, " d_sae"]:
        """Mean code of each latent over all tokens."""
        return np.asarray(self.total / self.n_tokens)

    @cached_property
    def drift(self) -> Float64[np.ndarray, " d_sae"]:
        """Mean over all tokens of code minus `mean`: what rounding left of it, nearly 0."""
        mean = self.mean
        active = self._sum_over_entries(lambda values, latent: values - mean[latent])
        return np.asarray((active - (self.n_tokens - self.count) * mean) / self.n_tokens)

    @cached_property
    def variance(self) -> Float64[np.ndarray, " d_sae"]:
        """Variance of each latent's code over all tokens, in two passes; 0 where it is constant."""
        mean = self.mean
        active = self._sum_over_entries(lambda values, latent: (values - mean[latent]) ** 2)
        silent = self.n_tokens - self.count
        spread = (active + silent * mean**2) / self.n_tokens - self.drift**2
        return np.where(self.varies, spread, 0.0)

    @cached_property
    def varies(self) -> Bool[np.ndarray, " d_sae"]:
        """Whether a latent has two different codes, the zero of silent tokens included."""
        low, high = self._extremes
        return np.asarray(low < high)

    @cached_property
    def is_signed(self) -> bool:
        """Whether any code is negative."""
        return bool((self._extremes[0] < 0).any())

    @cached_property
    def _extremes(
        self,
    ) -> tuple[Float64[np.ndarray, " d_sae"], Float64[np.ndarray, " d_sae"]]:
        silent = self.count < self.n_tokens
        low, high = np.where(silent, 0.0, np.inf), np.where(silent, 0.0, -np.inf)
        for chunk in self.chunks:
            fires = np.flatnonzero(np.diff(chunk.indptr))
            if fires.size:
                starts = chunk.indptr[fires]
                low[fires] = np.minimum(low[fires], np.minimum.reduceat(chunk.data, starts))
                high[fires] = np.maximum(high[fires], np.maximum.reduceat(chunk.data, starts))
        return low, high

    def _sum_over_entries(self, term: _Term) -> Float64[np.ndarray, " d_sae"]:
        sums = np.zeros(self.d_sae)
        for chunk in self.chunks:
            latent = np.repeat(np.arange(self.d_sae), np.diff(chunk.indptr))
            values = term(chunk.data.astype(np.float64), latent)
            sums += np.bincount(latent, weights=values, minlength=self.d_sae)
        return sums


class _Term(Protocol):
    def __call__(
        self, values: Float64[np.ndarray, " n"], latent: Int64[np.ndarray, " n"], /
    ) -> Float64[np.ndarray, " n"]: ...


def from_batches(batches: Iterable[CodeBatch], d_sae: int) -> Codes:
    """Codes of consecutive batches of tokens, each (tokens, d_sae), dense or SciPy sparse.

    Values are kept as float32. Memory is that of the codes' nonzeros and one batch.

    Raises:
        InvalidInputError: a batch has another width or is not finite, or there is no token.
    """
    return Codes(tuple(cut_chunks(batches, d_sae)))


def cut_chunks(batches: Iterable[CodeBatch], d_sae: int) -> Iterator[Chunk]:
    """The batches regrouped into chunks stored by latent, each given out as soon as it is full."""
    parts: list[sparse.csr_array] = []
    n_tokens = n_entries = n_seen = 0
    for batch in batches:
        parts.append(_by_token(batch, d_sae, n_seen))
        n_seen += parts[-1].shape[0]
        n_tokens += parts[-1].shape[0]
        n_entries += parts[-1].nnz
        if n_tokens >= CHUNK_TOKENS or n_entries >= CHUNK_ENTRIES:
            yield _by_latent(parts)
            parts, n_tokens, n_entries = [], 0, 0
    if n_seen == 0:
        raise InvalidInputError("there are no tokens to take codes of")
    if parts:
        yield _by_latent(parts)


def take_latents(codes: Codes, index: Int64[np.ndarray, " n_taken"]) -> Codes:
    """The codes of these latents, in this order."""
    return Codes(tuple(chunk[index] for chunk in codes.chunks))


def take_tokens(codes: Codes, kept: Bool[np.ndarray, " n_tokens"]) -> Codes:
    """The codes on the tokens where `kept` is true.

    Raises:
        InvalidInputError: `kept` has another length, or keeps nothing.
    """
    if kept.shape != (codes.n_tokens,) or not kept.any():
        raise InvalidInputError(
            f"kept must mark at least one of {codes.n_tokens} tokens, got {int(kept.sum())} "
            f"marks in shape {kept.shape}"
        )
    ends = np.cumsum([chunk.shape[1] for chunk in codes.chunks])
    masks = np.split(kept, ends[:-1])
    parts = [chunk[:, mask] for chunk, mask in zip(codes.chunks, masks, strict=True) if mask.any()]
    return Codes(tuple(parts))


def rearrange_tokens(codes: Codes, order: Int64[np.ndarray, " n_taken"]) -> Codes:
    """The codes on these tokens, in this order; no token twice. Holds all codes in memory.

    Raises:
        InvalidInputError: a token is missing, taken twice, or none is taken.
    """
    place = np.full(codes.n_tokens, -1, dtype=np.int64)
    if order.size == 0 or order.min() < 0 or order.max() >= codes.n_tokens:
        raise InvalidInputError(f"order must hold numbers of {codes.n_tokens} tokens")
    place[order] = np.arange(order.size)
    if np.count_nonzero(place >= 0) != order.size:
        raise InvalidInputError("order must not hold a token twice")
    whole = token_range(codes, range(codes.n_tokens))
    latent = np.repeat(np.arange(codes.d_sae, dtype=np.int32), np.diff(whole.indptr))
    moved = place[whole.indices]
    kept = moved >= 0
    entries = (whole.data[kept], (moved[kept].astype(np.int32), latent[kept]))
    by_token = sparse.csr_array(entries, shape=(order.size, codes.d_sae))
    return Codes((_by_latent([by_token]),))


def as_firing(codes: Codes) -> Codes:
    """The same codes with every value 1: where each latent fires, and no more."""
    return Codes(
        tuple(
            sparse.csr_array(
                (np.ones(chunk.nnz, dtype=np.float32), chunk.indices, chunk.indptr),
                shape=chunk.shape,
            )
            for chunk in codes.chunks
        )
    )


def heavy_share(codes: Codes, *, fraction: float = 0.01) -> float:
    """Share of the sum of all squared codes on the tokens where it is largest, in [0, 1].

    `fraction` says how many tokens that is, at least one.
    """
    by_token = codes.squares_by_token
    total = float(by_token.sum())
    most = max(1, round(fraction * by_token.size))
    heaviest = np.partition(by_token, by_token.size - most)[by_token.size - most :]
    return float(heaviest.sum()) / total if total > 0 else 0.0


def token_range(codes: Codes, tokens: range, *, latents: Latents = slice(None)) -> sparse.csr_array:
    """The codes of some latents on a range of tokens, in one piece, by latent."""
    parts, start = [], 0
    for chunk in codes.chunks:
        stop = start + chunk.shape[1]
        low, high = max(tokens.start, start) - start, min(tokens.stop, stop) - start
        if low < high:
            part = chunk[latents]
            whole = (low, high) == (0, chunk.shape[1])
            parts.append(part if whole else part[:, low:high])
        start = stop
    return sparse.csr_array(parts[0] if len(parts) == 1 else sparse.hstack(parts, format="csr"))


def _by_token(batch: CodeBatch, d_sae: int, n_seen: int) -> sparse.csr_array:
    if isinstance(batch, sparse.csr_array | sparse.csc_array):
        rows = sparse.csr_array(batch).astype(np.float32)
        rows.sum_duplicates()
        rows.eliminate_zeros()
        finite = np.isfinite(rows.data).all()
    else:
        rows = _from_dense(as_matrix(batch, f"codes from token {n_seen}"))
        finite = True
    if rows.shape[1] != d_sae or not finite:
        raise InvalidInputError(
            f"codes from token {n_seen} on must be finite and {d_sae} wide (d_sae), "
            f"got shape {rows.shape}{'' if finite else ' with NaN or infinity'}"
        )
    return rows


def _from_dense(codes: Tensor) -> sparse.csr_array:
    codes = codes.float()
    token, latent = codes.nonzero(as_tuple=True)
    values = codes[token, latent].cpu().numpy()
    index = latent.to(torch.int32).cpu().numpy()
    ends = torch.bincount(token, minlength=codes.shape[0]).cumsum(0).cpu().numpy()
    starts = np.concatenate([[0], ends]).astype(np.int32)
    return sparse.csr_array((values, index, starts), shape=(codes.shape[0], codes.shape[1]))


def _by_latent(parts: Sequence[sparse.csr_array]) -> Chunk:
    return sparse.csr_array(sparse.csr_array(sparse.vstack(parts)).T)
