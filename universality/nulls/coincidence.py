"""Bounds on the p-values of activation correlations under the tokens null, without drawing it.

When pieces of text change places at random, the sum of products behind a correlation is
sum_w K(w, pi(w)), with K the inner product of one latent's codes in piece w and the other's in the
piece that came there. Chernoff's bound, with pieces as if drawn with replacement,

    P(r >= s) <= min over t of exp(-t s' + T(t)),  T(t) = sum_w mean_w' (exp(t K(w, w')) - 1),

has no floor and keeps what a normal approximation forgets: coincidences of rare latents make heavy
tails. w' runs over the pieces that may come to w: those at the same place of other documents, so
latents that are locked to a place coincide there by chance as they do in the draws. exp(t K) is
convex in K, a mean of X y_s with weights x_s / X (X the sum of x over the piece), so T is at most
one over sums of x and single codes y_s at each place; x and y may change roles. Both are convex
again, so values may be shared out to the levels of a grid, which turns the sums of all pairs into
products of histograms; and log T is convex in log t, so few t are enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64
from torch import Tensor

from universality.codes import Codes
from universality.matching import Neighbours
from universality.nulls.locked_places import LEVELS, Profile, deviation, profiles
from universality.nulls.tokens import WINDOW

_TILTS = np.geomspace(0.7, 20.0, 7)
"""Values of t, in units of the largest products of a pair."""
_STEP = float(_TILTS[1] / _TILTS[0])
_MOST_PAIRS = 1 << 25
_CANDIDATES_AT_LEAST = 1024
_BLOCK = 1024
_NOTHING = 1e-30

_Numbers: TypeAlias = "Int64[np.ndarray, ' _']"
_Levels: TypeAlias = "Float64[np.ndarray, ' _']"
_Table: TypeAlias = Float[Tensor, "rows cols"]


def activation_p_bounds(
    a: Codes,
    b: Codes,
    nearest: tuple[Neighbours, Neighbours],
    documents: Int[np.ndarray, " n_tokens"],
    *,
    absolute: bool = False,
    window: int = WINDOW,
) -> tuple[_Levels, _Levels]:
    """Bounds on the p-value of each latent's correlation with its nearest, for a and for b.

    The latent stays as it is, the tokens of the other run are permuted as the tokens null does it.
    Safe, also for latents that are locked to a place in the document, and without a floor, but
    slack: NaN where the bound reaches 1 and so says nothing, as for a latent that is active in one
    or two pieces of text. Candidates are summed over (Bonferroni). Where there are more than 2^25
    pairs, the sum is that over a sample of the candidates, evenly spaced by the size of their
    largest code, and over the nearest.

    Args:
        a: Codes of the first run.
        b: Codes of the second run on the same tokens.
        nearest: The nearest in b of each latent of a by Pearson correlation (its size, if
            absolute), and the nearest in a of each latent of b.
        documents: Document of each token.
        absolute: Whether the nearest was sought by the size of the correlation.
        window: Tokens in a piece.
    """
    pairs = _Pairs(a, b, nearest, documents, absolute=absolute, window=window)
    shown_a, shown_b = pairs.shown
    all_a, all_b = np.arange(a.d_sae), np.arange(b.d_sae)
    of_a, of_b = pairs.sums(all_a, shown_b)
    if shown_a.size < a.d_sae or shown_b.size < b.d_sae:
        _, of_b = pairs.sums(shown_a, all_b)
    of_a, of_b = of_a * b.d_sae / shown_b.size, of_b * a.d_sae / shown_a.size
    if shown_b.size < b.d_sae:
        of_a += pairs.alone(all_a, nearest[0].nearest)[0]
    if shown_a.size < a.d_sae:
        of_b += pairs.alone(nearest[1].nearest, all_b)[1]
    signs = 2 if absolute else 1
    return _meaningful(signs * of_a, nearest[0]), _meaningful(signs * of_b, nearest[1])


def _meaningful(bound: _Levels, near: Neighbours) -> _Levels:
    return np.where((bound < 1) & (near.nearest_similarity > 0), bound, np.nan)


class _Pairs:
    """The bounds of pairs of latents, block by block."""

    def __init__(
        self,
        a: Codes,
        b: Codes,
        nearest: tuple[Neighbours, Neighbours],
        documents: Int[np.ndarray, " n_tokens"],
        *,
        absolute: bool,
        window: int,
    ) -> None:
        self._a, self._b = profiles(a, b, documents, window)
        self._mean = a.mean / deviation(a), b.mean / deviation(b)
        self._level = [np.nan_to_num(near.nearest_similarity, nan=-1.0) for near in nearest]
        self._absolute = absolute

    @property
    def shown(self) -> tuple[_Numbers, _Numbers]:
        """Which latents of a, and of b, stand for all of their run as candidates."""
        n_a, n_b = (mean.size for mean in self._mean)
        return _spaced(self._a, n_a, n_b), _spaced(self._b, n_b, n_a)

    def sums(self, rows: _Numbers, cols: _Numbers) -> tuple[_Levels, _Levels]:
        """Sums over the candidates of each latent: of a over `cols`, of b over `rows`."""
        of_a, of_b = np.zeros(rows.size), np.zeros(cols.size)
        for j in _blocks(cols.size):
            tokens, sums = (of.flatten(1).T.contiguous() for of in _histograms(self._b, cols[j]))
            for i in _blocks(rows.size):
                needed = self._needed(rows[i][:, None], cols[j][None])
                scales = self._scales(rows[i][:, None], cols[j][None])
                left = _histograms(self._a, rows[i])[::-1]
                bounds = _bounds(left, (tokens, sums), needed, scales, torch.matmul)
                of_a[i] += bounds[0].sum(dim=1, dtype=torch.float64).numpy()
                of_b[j] += bounds[1].sum(dim=0, dtype=torch.float64).numpy()
        return of_a, of_b

    def alone(self, i: _Numbers, j: _Numbers) -> tuple[_Levels, _Levels]:
        """The bounds of single pairs, from either side."""
        found = np.empty((2, i.size))
        for part in _blocks(i.size):
            left = _histograms(self._a, i[part])[::-1]
            tokens, sums = (of.flatten(1) for of in _histograms(self._b, j[part]))
            needed = self._needed(i[part][:, None], j[part][:, None])
            scales = self._scales(i[part][:, None], j[part][:, None])
            bounds = _bounds(left, (tokens, sums), needed, scales, _row_by_row)
            found[:, part] = torch.cat(bounds, dim=1).T.numpy()
        return found[0], found[1]

    def _needed(
        self, i: Int64[np.ndarray, "..."], j: Int64[np.ndarray, "..."]
    ) -> tuple[_Table, _Table]:
        """What sums of products must reach for a correlation as large as that of i, and of j."""
        means = self._mean[0][i] * self._mean[1][j]
        lost = np.abs(means) if self._absolute else -means
        first, second = (
            torch.from_numpy(level - lost).float()
            for level in (self._level[0][i], self._level[1][j])
        )
        return first, second

    def _scales(
        self, i: Int64[np.ndarray, "..."], j: Int64[np.ndarray, "..."]
    ) -> tuple[_Table, _Table]:
        """The largest products of a sum of a with a code of b, and of a code with a sum."""
        a, b = self._a, self._b
        products = (
            a.sums.largest[i] * b.tokens.largest[j],
            a.tokens.largest[i] * b.sums.largest[j],
        )
        first, second = (torch.from_numpy(one).float().clamp_(min=_NOTHING) for one in products)
        return first, second


def _bounds(
    left: tuple[Tensor, Tensor],
    right: tuple[Tensor, Tensor],
    needed: tuple[_Table, _Table],
    scales: tuple[_Table, _Table],
    meet: Callable[[Tensor, Tensor], Tensor],
) -> tuple[_Table, _Table]:
    """The smallest bound over the tilts and both roles, for what is `needed` from either side."""
    least = (
        torch.zeros(needed[0].shape, dtype=torch.float32),
        torch.zeros(needed[1].shape, dtype=torch.float32),
    )
    for x, y, scale in zip(left, right, scales, strict=True):
        far = needed[0] / scale, needed[1] / scale
        for tilt, growth in growths(x, y, meet):
            for one, lowest in zip(far, least, strict=True):
                torch.minimum(lowest, torch.sub(growth, one, alpha=tilt), out=lowest)
    return least[0].exp_(), least[1].exp_()


def growths(
    x: Float[Tensor, "rows places levels"],
    y: Float[Tensor, "_ _"],
    meet: Callable[[Tensor, Tensor], Tensor] = torch.matmul,
) -> Iterator[tuple[float, _Table]]:
    """Values of t, in units of the largest products, and T there, or between two a bound on it.

    `meet` brings the histograms x, times what their levels mean, together with the histograms y.
    """
    levels = torch.from_numpy(np.outer(LEVELS, LEVELS))
    before: Tensor | None = None
    for tilt in _TILTS.tolist():
        products = torch.expm1(tilt * levels).float()
        log_growth = meet((x @ products).flatten(1), y).clamp_(min=_NOTHING).log_()
        if before is not None:
            yield tilt / _STEP**0.5, torch.lerp(before, log_growth, 0.5).exp_()
        yield tilt, log_growth.exp()
        before = log_growth


def _row_by_row(x: Float[Tensor, "rows _"], y: Float[Tensor, "rows _"]) -> Float[Tensor, "rows 1"]:
    return (x * y).sum(dim=1, keepdim=True)


def _histograms(profile: Profile, part: _Numbers) -> tuple[Tensor, Tensor]:
    """Of the tokens and of the sums of some latents."""
    return profile.joined_tokens(part), profile.joined_sums(part)


def _spaced(profile: Profile, n: int, n_others: int) -> _Numbers:
    size = min(n, max(_CANDIDATES_AT_LEAST, _MOST_PAIRS // n_others))
    if size == n:
        return np.arange(n)
    by_size = np.argsort(profile.tokens.largest, kind="stable")
    return np.sort(by_size[((np.arange(size) + 0.5) * n / size).astype(np.int64)])


def _blocks(n: int) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]
