"""How good probabilities are: whether those given 80 % come true four times in five."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

_N_BINS = 10
_N_FORECASTS = 200


@final
@dataclass(frozen=True, eq=False)
class Reliability:
    """What probabilities were worth on latents that they were not fitted to."""

    n: int
    """Latents times target runs."""
    base_rate: float
    """Share that came back."""
    auc: float
    """Chance that one that came back had a higher probability than one that did not; NaN where all
    did, or none."""
    brier: float
    """Mean squared distance of probability and outcome."""
    brier_constant: float
    """The same of the base rate as everybody's probability."""
    calibration_error: float
    """Mean distance of mean probability and share that came back, over ten bins of equal count."""
    expected_error: float
    """Its mean where every probability is exactly right: what so few latents show by luck."""
    expected_error_sd: float
    """Standard deviation of that."""
    bins: pd.DataFrame
    """One row per bin: predicted, observed, n."""

    @property
    def excess_error(self) -> float:
        """The calibration error beyond what luck gives; about 0 for a perfect forecast."""
        return self.calibration_error - self.expected_error


def reliability(
    chances: Float64[np.ndarray, " n"], outcomes: Float64[np.ndarray, " n"], *, seed: int = 0
) -> Reliability:
    """Scores of probabilities against what happened (0 or 1).

    Bins are of equal count in order of probability; latents of one probability all count with the
    share of them that came back, whichever bins they fall into. The expectation under a perfect
    forecast is over 200 draws of outcomes from the probabilities themselves.
    """
    order = np.argsort(chances, kind="stable")
    predicted = chances[order]
    level = np.unique(predicted, return_inverse=True)[1]
    observed = _shared_out(outcomes[order], level)
    parts = [part for part in np.array_split(np.arange(len(order)), _N_BINS) if len(part)]
    generator = np.random.default_rng(seed)
    lucky = np.array(
        [
            _error(predicted, _shared_out(generator.random(len(order)) < predicted, level), parts)
            for _ in range(_N_FORECASTS)
        ]
    )
    rate = float(outcomes.mean())
    return Reliability(
        n=len(outcomes),
        base_rate=rate,
        auc=_auc(chances, outcomes),
        brier=float(((chances - outcomes) ** 2).mean()),
        brier_constant=rate * (1 - rate),
        calibration_error=_error(predicted, observed, parts),
        expected_error=float(lucky.mean()),
        expected_error_sd=float(lucky.std()),
        bins=pd.DataFrame(
            {
                "predicted": [float(predicted[part].mean()) for part in parts],
                "observed": [float(observed[part].mean()) for part in parts],
                "n": [len(part) for part in parts],
            }
        ),
    )


def _shared_out(
    outcomes: Float64[np.ndarray, " n"] | Bool[np.ndarray, " n"], level: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """The mean outcome of all latents of each one's probability."""
    return np.asarray((np.bincount(level, weights=outcomes) / np.bincount(level))[level])


def _error(
    predicted: Float64[np.ndarray, " n"],
    observed: Float64[np.ndarray, " n"],
    parts: list[np.ndarray],
) -> float:
    gaps = [len(part) * abs(predicted[part].mean() - observed[part].mean()) for part in parts]
    return float(sum(gaps) / len(predicted))


def _auc(chances: Float64[np.ndarray, " n"], outcomes: Float64[np.ndarray, " n"]) -> float:
    n_true = float(outcomes.sum())
    n_false = len(outcomes) - n_true
    if not (n_true and n_false):
        return float("nan")
    from scipy.stats import rankdata  # a second of imports that most commands do without

    ranks = rankdata(chances)[outcomes == 1].sum()
    return float((ranks - n_true * (n_true + 1) / 2) / (n_true * n_false))
