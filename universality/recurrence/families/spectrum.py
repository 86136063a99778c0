"""In how many runs a latent is found, and what that says about seeing only some of the runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import binom

from universality.errors import InvalidInputError
from universality.runs.partner_table import PartnerTable

NOT_IDENTIFIED = (
    "descriptive only: the points share runs, so they are not independent and carry no error bars, "
    "and curves with different asymptotes fit equally well: the asymptote is not identified"
)
"""What must stand beside every fitted curve."""

_FEWEST_POINTS = 4
_FLAT = 0.01


@final
@dataclass(frozen=True)
class Fit:
    """A curve through `only_in_one` against the number of runs; descriptive."""

    form: str
    """The formula, in n."""
    asymptote: float
    """Its limit for many runs."""
    scale: float
    """What decays."""
    rate: float
    """How fast it decays."""
    rmse: float
    """Root mean squared distance from the points."""


def n_runs_found(edges: PartnerTable) -> Int64[np.ndarray, " n_latents"]:
    """In how many runs each latent is found, its own counted; a lower bound where pairs miss."""
    return np.asarray((edges.partner >= 0).sum(axis=1) + 1)


def spectrum_of(edges: PartnerTable, run: int) -> Float64[np.ndarray, " n_runs"]:
    """Fraction of a run's living latents found in exactly 1, 2, ... N runs, its own counted."""
    rows = edges.rows(run)
    found = n_runs_found(edges)[rows][edges.alive[rows]]
    return np.asarray(np.bincount(found - 1, minlength=edges.n_runs) / max(1, found.size))


def spectrum_fractions(edges: PartnerTable) -> Float64[np.ndarray, " n_runs"]:
    """Mean spectrum of the runs that are matched with every other run; NaN when there is none."""
    if not len(edges.complete):
        return np.full(edges.n_runs, np.nan)
    return np.asarray(np.mean([spectrum_of(edges, run) for run in edges.complete.tolist()], axis=0))


def null_spectrum(share: float, n_runs: int) -> Float64[np.ndarray, " n_runs"]:
    """The spectrum when a latent is found in each other run independently with this probability."""
    k, n = np.arange(n_runs), n_runs - 1
    return np.asarray(binom(n, k) * share**k * (1 - share) ** (n - k))


def only_in_one_fractions(
    spectrum: Float64[np.ndarray, " n_runs"],
) -> Float64[np.ndarray, " n_runs-1"]:
    """Fraction of a run's latents found in no other of n runs, for n = 2, 3, ... N.

    Exact average over the subsets of n runs that contain the base run: a latent found in k of N
    runs is missed by the n - 1 others with probability C(N-k, n-1) / C(N-1, n-1).

    Raises:
        InvalidInputError: fewer than two runs.
    """
    n_runs = len(spectrum)
    if n_runs < 2:
        raise InvalidInputError(f"a spectrum needs at least two runs, got {n_runs}")
    missed = [
        [math.comb(n_runs - k, n - 1) / math.comb(n_runs - 1, n - 1) for k in range(1, n_runs + 1)]
        for n in range(2, n_runs + 1)
    ]
    return np.asarray(np.asarray(missed) @ spectrum)


def fit_only_in_one(fractions: Float64[np.ndarray, " n_points"]) -> tuple[Fit, ...]:
    """Two curves through `only_in_one`; none through fewer than four points or a flat line.

    They have different limits by construction: what differs between them is not identified.
    """
    if len(fractions) < _FEWEST_POINTS or not np.ptp(fractions) > _FLAT:
        return ()
    n = np.arange(2, len(fractions) + 2, dtype=np.float64)
    power = _fit("asymptote + scale * n ** -rate", lambda n, c, b, r: c + b * n**-r, n, fractions)
    decay = _fit(
        "asymptote + scale * exp(-rate * n)",
        lambda n, c, b, r: c + b * np.exp(-r * n),
        n,
        fractions,
    )
    return tuple(fit for fit in (power, decay) if fit is not None)


def _fit(
    form: str,
    curve: Callable[..., np.ndarray],
    n: Float64[np.ndarray, " n_points"],
    fractions: Float64[np.ndarray, " n_points"],
) -> Fit | None:
    from scipy.optimize import curve_fit  # which comparisons of two do without

    start = (float(fractions[-1]), float(np.ptp(fractions)) + 1e-3, 0.5)
    try:
        found, _ = curve_fit(
            curve, n, fractions, p0=start, bounds=([0, 0, 1e-3], [1, 10, 10]), maxfev=10_000
        )
    except RuntimeError:  # no convergence: there is no such curve to show
        return None
    rmse = float(np.sqrt(np.mean((curve(n, *found) - fractions) ** 2)))
    asymptote, scale, rate = (float(value) for value in found)
    return Fit(form, asymptote, scale, rate, rmse)
