"""P-values of activation correlations under the tokens null, without drawing it.

When pieces of text change places at random, the sum of products behind a correlation is
sum_w K(w, pi(w)), with K the inner product of one latent's codes in piece w and the other's in the
piece that came there. K is at most the product of the two norms, f(w) g(pi(w)); the values g of a
random permutation are negatively associated (Joag-Dev and Proschan 1983), so the moment generating
function is at most that of independent draws, and Chernoff's bound

    P(r >= s) <= min over t of exp(-t s' + (1/W) sum_w sum_w' (exp(t f(w) g(w')) - 1))

holds for every pair, however far out: coincidences of rare latents have the heavy tail that a
normal approximation forgets. The first pieces of documents change places among themselves, as the
null has it: they enter as a factor of their own. Norms are rounded up to a geometric grid, which
turns the double sum of all pairs into a product of histograms.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64
from scipy import sparse
from torch import Tensor

from universality.codes import Codes
from universality.nulls.tokens import WINDOW

_GRID = 1.25 ** -np.arange(40.0)
_TILTS = np.geomspace(2.0, 2000.0, 24)
_LARGEST_EXPONENT = 60.0
_MOST_CANDIDATES = 4096


def activation_p_values(
    a: Codes,
    b: Codes,
    correlation: Float64[np.ndarray, " n_a"],
    documents: Int[np.ndarray, " n_tokens"],
    *,
    absolute: bool = False,
    window: int = WINDOW,
) -> Float64[np.ndarray, " n_a"]:
    """P-value of each latent's Pearson correlation with its nearest: a fixed, tokens of b permuted.

    An upper bound on the p-value of the tokens null, so safe and without a floor, but slack: a
    latent active in one or two pieces of text cannot be significant. Candidates are summed over
    (Bonferroni), of more than 4,096 an evenly spaced sample. 1 where the correlation is not
    positive or NaN.

    Args:
        a: Codes of the latents that p-values are for.
        b: Codes of the latents among which the nearest was sought.
        correlation: Pearson correlation with the nearest (its size, if absolute).
        documents: Document of each token.
        absolute: Whether the nearest was sought by the size of the correlation.
        window: Tokens in a piece.
    """
    piece, first = _pieces(documents, window)
    (grid_a, counts_a), (grid_b, counts_b) = (_norms(codes, piece, first) for codes in (a, b))
    shown = slice(None, None, -(-b.d_sae // _MOST_CANDIDATES))
    counts_b = counts_b[:, shown]
    mean_a, mean_b = (torch.from_numpy(codes.mean / _deviation(codes)) for codes in (a, b))
    means = mean_a[:, None] * mean_b[None, shown]
    level = torch.from_numpy(np.nan_to_num(correlation, nan=-1.0))[:, None]
    needed = (level - means.abs() if absolute else level + means).float()
    sizes = torch.tensor([max(1, int(first.sum())), max(1, int((~first).sum()))])
    bound = _log_chernoff(counts_a / sizes[:, None, None], counts_b, needed, grids=(grid_a, grid_b))
    p = bound.double().exp().sum(dim=1) * (b.d_sae / counts_b.shape[1]) * (2 if absolute else 1)
    return np.asarray(torch.where(level[:, 0] > 0, p.clamp(max=1), 1.0).numpy())


def _log_chernoff(
    counts_a: Tensor, counts_b: Tensor, needed: Tensor, *, grids: tuple[Tensor, Tensor]
) -> Tensor:
    """The smallest bound over the tilts, for every pair; never above 0."""
    bound = torch.zeros_like(needed)
    products = grids[0][:, None] * grids[1][None]
    for tilt in _TILTS.tolist():
        growth = torch.expm1((tilt * products).clamp(max=_LARGEST_EXPONENT))
        total = -tilt * needed
        for part_a, part_b in zip(counts_a, counts_b, strict=True):
            total = torch.addmm(total, part_a @ growth, part_b.T)
        bound = torch.minimum(bound, total)
    return bound


def _pieces(
    documents: Int[np.ndarray, " n_tokens"], window: int
) -> tuple[Int64[np.ndarray, " n_tokens"], np.ndarray]:
    """The piece of each token, cut from the start of each document; which pieces are first."""
    begins = np.flatnonzero(np.diff(documents, prepend=documents[:1] - 1))
    lengths = np.diff(np.append(begins, documents.size))
    place = np.arange(documents.size) - np.repeat(begins, lengths)
    starts = place % window == 0
    return np.cumsum(starts) - 1, place[starts] == 0


def _norms(
    codes: Codes, piece: Int64[np.ndarray, " n_tokens"], first: np.ndarray
) -> tuple[Tensor, Tensor]:
    """A grid, and histograms over it (first pieces, others) of each latent's norm by piece.

    Norms are in standard deviations over the root of the number of tokens, rounded up.
    """
    squares = sparse.csr_array((codes.d_sae, first.size))
    start = 0
    for chunk in codes.chunks:
        inside = piece[start : start + chunk.shape[1]]
        entries = np.ones(inside.size), (np.arange(inside.size), inside)
        gather = sparse.csr_array(entries, shape=(inside.size, first.size))
        squares = squares + chunk.astype(np.float64).power(2) @ gather
        start += inside.size
    latent = np.repeat(np.arange(codes.d_sae), np.diff(squares.indptr))
    norms = np.sqrt(squares.data / codes.n_tokens) / _deviation(codes)[latent]
    fires = norms > 0
    largest = float(norms.max(initial=1e-30))
    below = np.floor(np.log(norms[fires] / largest) / np.log(_GRID[1]) + 1e-9)
    place = np.clip(below, 0, _GRID.size - 1).astype(np.int64)
    counts = np.zeros((2, codes.d_sae, _GRID.size), dtype=np.float32)
    group = 1 - first[squares.indices[fires]].astype(np.int64)
    np.add.at(counts, (group, latent[fires], place), 1)
    return torch.from_numpy(largest * _GRID).float(), torch.from_numpy(counts)


def _deviation(codes: Codes) -> Float64[np.ndarray, " d_sae"]:
    """Standard deviation of each latent; infinite where constant, so that it weighs nothing."""
    return np.where(codes.variance > 0, np.sqrt(codes.variance), np.inf)
