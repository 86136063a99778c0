"""How alike two latents fire: every pair of two runs' latents, over the same tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from universality.codes import Codes
from universality.compute.stages import counted
from universality.errors import InvalidInputError
from universality.similarity.cofiring import Cofiring, cofiring, in_threads, parts, rows_per_panel
from universality.similarity.interface import Index
from universality.similarity.measures import Measure, finish, prepare

_Values: TypeAlias = Float64[np.ndarray, "..."]
_Numbers: TypeAlias = Int64[np.ndarray, " _"]

_ROWS_PER_THREAD = 32
_SCREEN_BYTES = {torch.float64: 1 << 30, torch.float32: 1 << 31, torch.float16: 1 << 31}
_ROUNDING = {torch.float64: 2.0**-53, torch.float32: 2.0**-24, torch.float16: 2.0**-12}


@final
@dataclass(frozen=True, eq=False)
class CodeSimilarity:
    """Correlation, cosine or Jaccard index of the codes of every pair of latents.

    In [-1, 1]; [0, 1] for Jaccard, for magnitudes and for the cosine of non-negative codes. A
    latent whose code never changes (cosine and Jaccard: that never fires) has similarity 0 with
    every other. All pairs are exact in float64, those that never fire together included.
    """

    products: Cofiring
    """Sums of products of codes."""
    weight_a: Float64[np.ndarray, " n_a"]
    """What the measure needs of each latent of a."""
    weight_b: Float64[np.ndarray, " n_b"]
    """What the measure needs of each latent of b."""
    measure: Measure
    """What "alike" means."""
    absolute: bool
    """Whether the sign is dropped."""
    screen: Float[Tensor, "n_a n_b"] | None = None
    """All similarities, rounded where they must be to fit into 2 GB; blocks are cut from it."""

    @classmethod
    def between(
        cls,
        a: Codes,
        b: Codes,
        measure: Measure = "pearson",
        *,
        absolute: bool | None = None,
        screen: bool = True,
        progress: bool = True,
    ) -> CodeSimilarity:
        """The similarity of two runs' codes over the same tokens, in the same order.

        Takes the time of all sparse products once: about 15 s for two runs of 32,768 latents, 32
        of them active, over a million tokens on two cores.

        Args:
            a: Codes of the first run.
            b: Codes of the second run.
            measure: `pearson`, `cosine` or `jaccard`.
            absolute: Drop the sign. None: where both runs have negative codes, since there the
                sign of a latent means nothing.
            screen: Keep all similarities, so that no block is computed twice: exactly where that
                takes at most 1 GB, else rounded to 4 or 2 bytes each where that is at most 2 GB.
            progress: Show a bar on stderr when that is a terminal.

        Raises:
            InvalidInputError: the codes cover different numbers of tokens, fewer than two tokens,
                or one run has negative codes, the other none, and `absolute` does not settle it.
        """
        _check(a, b)
        term_a, term_b = prepare(a, measure), prepare(b, measure)
        whole = cls(
            products=cofiring(term_a.scaled, term_b.scaled),
            weight_a=term_a.weight,
            weight_b=term_b.weight,
            measure=measure,
            absolute=_drops_sign(a, b) if absolute is None else absolute,
        )
        dtype = _screen_dtype(whole.shape) if screen else None
        if dtype is None:
            return whole
        dense = whole.products.is_crowded
        everything = whole._compute(slice(None), slice(None), dtype, dense=dense, progress=progress)
        return replace(whole, screen=everything)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_a, n_b)."""
        return self.products.shape

    @property
    def device(self) -> torch.device:
        """The CPU: sparse products run there."""
        return torch.device("cpu")

    @property
    def ceiling(self) -> float:
        """All measures are at most 1."""
        return 1.0

    def block(
        self, rows: Index, cols: Index, *, fine: bool = False
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Similarities of some latents of a with some of b, and a bound on their rounding."""
        dtype = torch.float64 if fine else torch.float32
        if self.screen is None or (fine and self.screen.dtype != torch.float64):
            return self._compute(rows, cols, dtype), 1.01 * _ROUNDING[dtype]
        values = _cut(self.screen, _contiguous(rows), _contiguous(cols))
        rounding = max(_ROUNDING[self.screen.dtype], _ROUNDING[dtype])
        return values.to(dtype, copy=True), 1.01 * rounding

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float64[Tensor, " n_pairs"]:
        """Similarity of each pair in float64, independent of other pairs."""
        if self.screen is not None and self.screen.dtype == torch.float64:
            return self.screen[i, j]
        rows, cols = i.numpy(), j.numpy()
        sums = self.products.at(rows, cols)
        values = self._finish(sums, self.weight_a[rows], self.weight_b[cols])
        return torch.from_numpy(values)

    def _compute(
        self,
        rows: Index,
        cols: Index,
        dtype: torch.dtype,
        *,
        dense: bool = False,
        progress: bool = False,
    ) -> Float[Tensor, "rows cols"]:
        """Similarities of a block, rounded to a precision, panel by panel.

        From `dense` products they are right to float64, but their last bits depend on the block:
        that is for a screen, which is made once and read whatever is asked for.
        """
        i = torch.arange(self.shape[0])[rows].numpy()
        j = torch.arange(self.shape[1])[cols].numpy()
        out = torch.empty((i.size, j.size), dtype=dtype)
        panels = parts(i.size, rows_per_panel(max(1, j.size)))
        for panel in counted(panels, "co-firing", progress=progress):
            self._fill(out[panel], i[panel], j, dense=dense)
        return out

    def _fill(
        self, out: Float[Tensor, "rows cols"], i: _Numbers, j: _Numbers, *, dense: bool
    ) -> None:
        weight_b = self.weight_b[j]
        sums = self.products.dense_panel(i, j) if dense else self.products.panel(i, j)

        def convert(rows: slice) -> None:
            for row in range(rows.start, rows.stop):
                values = self._finish(sums[row], float(self.weight_a[i[row]]), weight_b)
                out[row].copy_(torch.from_numpy(values))

        in_threads(convert, parts(i.size, _ROWS_PER_THREAD))

    def _finish(self, sums: _Values, a: _Values | float, b: _Values) -> _Values:
        return finish(sums, a, b, measure=self.measure, absolute=self.absolute)


def _contiguous(index: Index) -> Index:
    """The same latents as a range, where they are one."""
    if isinstance(index, slice) or len(index) == 0:
        return index
    first, last = int(index[0]), int(index[-1])
    is_range = last - first == len(index) - 1 and bool((index.diff() == 1).all())
    return slice(first, last + 1) if is_range else index


def _cut(screen: Tensor, rows: Index, cols: Index) -> Tensor:
    if isinstance(cols, slice):
        return screen[:, cols][rows]
    return screen[rows][:, cols]


def _check(a: Codes, b: Codes) -> None:
    if a.n_tokens != b.n_tokens:
        raise InvalidInputError(
            "codes must cover the same tokens: those of a cover "
            f"{a.n_tokens}, those of b {b.n_tokens}; encode both runs over one cache"
        )
    if a.n_tokens < 2:
        raise InvalidInputError(f"similarity of codes needs at least two tokens, got {a.n_tokens}")


def _drops_sign(a: Codes, b: Codes) -> bool:
    if a.is_signed != b.is_signed:
        signed, other = ("a", "b") if a.is_signed else ("b", "a")
        raise InvalidInputError(
            f"{signed} has negative codes and {other} has none, so it is open whether the sign of "
            "a correlation counts; pass --absolute to drop it (`absolute=True`), or "
            "`absolute=False` to keep it"
        )
    return a.is_signed


def _screen_dtype(shape: tuple[int, int]) -> torch.dtype | None:
    n_pairs = shape[0] * shape[1]
    fitting = (d for d, most in _SCREEN_BYTES.items() if n_pairs * d.itemsize <= most)
    return next(fitting, None)
