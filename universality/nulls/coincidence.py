"""P-values of activation correlations under the tokens null, without drawing it.

When pieces of text change places at random, the sum of products behind a correlation is
sum_w K(w, pi(w)), with K the inner product of one latent's codes in piece w and the other's in the
piece that came there. Chernoff's bound, with pieces as if drawn with replacement,

    P(r >= s) <= min over t of exp(-t s' + (1/W) sum_w sum_w' (exp(t K(w, w')) - 1)),

has no floor and keeps what a normal approximation forgets: coincidences of rare latents make heavy
tails. exp(t K) is convex in K, a mean of X y_s with weights x_s / X (X the sum of x over the
piece), so the double sum is at most one over sums of x and single codes y_s, taken to be spread
evenly over the places within a piece; x and y may change roles. The first pieces of documents
change places among themselves, as the null has it, and their places are not alike: there K is
bounded by the product of norms. Values are rounded up to a geometric grid, which turns the double
sums of all pairs into products of histograms.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64
from scipy import sparse
from torch import Tensor

from universality.codes import Codes, token_range
from universality.nulls.tokens import WINDOW

_Histograms: TypeAlias = tuple[Tensor, Tensor]
_Profile: TypeAlias = dict[str, _Histograms]

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

    Nearly an upper bound on the p-value of the tokens null, so safe and without a floor, but slack:
    a latent active in one or two pieces of text cannot be significant. Candidates are summed over
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
    profile_a, profile_b = (_profile(codes, piece, first) for codes in (a, b))
    shown = slice(None, None, -(-b.d_sae // _MOST_CANDIDATES))
    profile_b = {name: (grid, counts[shown]) for name, (grid, counts) in profile_b.items()}
    mean_a, mean_b = (torch.from_numpy(codes.mean / _deviation(codes)) for codes in (a, b))
    means = mean_a[:, None] * mean_b[None, shown]
    level = torch.from_numpy(np.nan_to_num(correlation, nan=-1.0))[:, None]
    needed = (level - means.abs() if absolute else level + means).float()
    sizes = max(1, int(first.sum())), max(1, int((~first[piece]).sum()))
    bound = _log_chernoff(profile_a, profile_b, needed, sizes=sizes)
    p = bound.double().exp().sum(dim=1) * (b.d_sae / bound.shape[1]) * (2 if absolute else 1)
    return np.asarray(torch.where(level[:, 0] > 0, p.clamp(max=1), 1.0).numpy())


def _log_chernoff(a: _Profile, b: _Profile, needed: Tensor, *, sizes: tuple[int, int]) -> Tensor:
    """The smallest bound over the tilts, for every pair; never above 0.

    `sizes` are the number of first pieces, and of tokens in all other pieces.
    """
    bound = torch.zeros_like(needed)
    for tilt in _TILTS.tolist():
        first = _growth(a["norms"], b["norms"], tilt) / sizes[0]
        later = torch.minimum(
            _growth(a["sums"], b["tokens"], tilt), _growth(a["tokens"], b["sums"], tilt)
        )
        bound = torch.minimum(bound, first + later / sizes[1] - tilt * needed)
    return bound


def _growth(a: _Histograms, b: _Histograms, tilt: float) -> Tensor:
    """Sum of exp(tilt x y) - 1 over all values x of one latent and y of the other, by pair."""
    (grid_a, counts_a), (grid_b, counts_b) = a, b
    exponent = (tilt * grid_a[:, None] * grid_b[None]).clamp(max=_LARGEST_EXPONENT)
    return counts_a @ torch.expm1(exponent) @ counts_b.T


def _pieces(
    documents: Int[np.ndarray, " n_tokens"], window: int
) -> tuple[Int64[np.ndarray, " n_tokens"], np.ndarray]:
    """The piece of each token, cut from the start of each document; which pieces are first."""
    begins = np.flatnonzero(np.diff(documents, prepend=documents[:1] - 1))
    lengths = np.diff(np.append(begins, documents.size))
    place = np.arange(documents.size) - np.repeat(begins, lengths)
    starts = place % window == 0
    return np.cumsum(starts) - 1, place[starts] == 0


def _profile(codes: Codes, piece: Int64[np.ndarray, " n_tokens"], first: np.ndarray) -> _Profile:
    """What each latent does in pieces of text, in standard deviations over root n_tokens.

    `norms`: its norm in each first piece; `sums`: the sum of its codes in each later piece;
    `tokens`: its codes on the tokens of later pieces; all by size.
    """
    whole = abs(token_range(codes, range(codes.n_tokens)).astype(np.float64))
    unit = sparse.diags_array(1 / (np.sqrt(codes.n_tokens) * _deviation(codes)))
    whole = sparse.csr_array(unit @ whole)
    entries = np.ones(piece.size), (np.arange(piece.size), piece)
    gather = sparse.csr_array(entries, shape=(piece.size, first.size))
    return {
        "norms": _histograms((whole.power(2) @ gather[:, first]).sqrt()),
        "sums": _histograms(whole @ gather[:, ~first]),
        "tokens": _histograms(whole[:, ~first[piece]]),
    }


def _histograms(values: sparse.csr_array) -> _Histograms:
    """A geometric grid, and how many nonzero values of each row round up to each of its points."""
    row = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
    fires = values.data > 0
    size = values.data[fires]
    largest = float(size.max(initial=1e-30))
    below = np.floor(np.log(size / largest) / np.log(_GRID[1]) + 1e-9)
    place = np.clip(below, 0, _GRID.size - 1).astype(np.int64)
    flat = np.bincount(
        row[fires] * _GRID.size + place, minlength=values.shape[0] * _GRID.size
    ).reshape(-1, _GRID.size)
    return torch.from_numpy(largest * _GRID).float(), torch.from_numpy(flat).float()


def _deviation(codes: Codes) -> Float64[np.ndarray, " d_sae"]:
    """Standard deviation of each latent; infinite where constant, so that it weighs nothing."""
    return np.where(codes.variance > 0, np.sqrt(codes.variance), np.inf)
