"""Rules on when latents fire: the excess of a correlation over that with a rotated partner."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64

from universality.codes import Codes, token_range
from universality.rules.compared_runs import ComparedRuns, RuleReading, mean_reading
from universality.runs.views import Traits

UNIVERSAL = 0.5
"""Mean excess above which a neuron is universal."""
MOST_PAIRS = 1 << 25
"""Pairs of latents whose covariances are held, in float64."""
_TOKENS_PER_STEP = 1 << 16


def gurnee2024(runs: ComparedRuns, *, seed: int = 0) -> list[RuleReading]:
    """Share of latents whose correlation exceeds that with rotated partners by more than .5.

    Gurnee et al. (arXiv:2401.12181), section 4.1: the excess of neuron i is the mean over the other
    models m of max over j of rho(i, j in m) less max over j of rho(i, j in m rotated), rho the
    Pearson correlation over tokens; universal where it is above .5. The rotation is that of
    `correlations_fast.py` in wesg52/universal-neurons at d797aaaf: a Gaussian matrix with rows of
    norm 1, not orthogonal. Theirs sums in float32 and keeps float16; this is float64. Latents that
    never vary are left out.
    """
    codes = [_codes(run) for run in runs.runs]
    turned = [_turned_variances(one, _places(j, len(codes)), seed) for j, one in enumerate(codes)]
    each: list[list[Float64[np.ndarray, " n_latents"]]] = [[] for _ in codes]
    for i, j in runs.pairs:
        across = _covariance(codes[i], codes[j])
        for one, other, matrix, place in ((i, j, across, j - 1), (j, i, across.T, i)):
            turn = rotation(codes[other].d_sae, seed + place)
            found = _excess(matrix, codes[one], codes[other], turn, turned[other][place])
            each[one].append(found)
    means = [np.mean(of_run, axis=0) for of_run in each]
    excess = [mean[np.isfinite(mean)] for mean in means]
    return [
        mean_reading("share of latents", [one > UNIVERSAL for one in excess]),
        mean_reading("mean excess correlation", excess),
    ]


def rotation(n: int, seed: int) -> Float64[np.ndarray, "n n"]:
    """Rows uniform on the sphere, independent of each other."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, n, generator=generator, dtype=torch.float64)
    return np.asarray(torch.nn.functional.normalize(rows, dim=1).numpy())


def excess_correlation(
    a: Codes, b: Codes, turn: Float64[np.ndarray, "n_b n_b"]
) -> Float64[np.ndarray, " n_a"]:
    """The largest correlation of each latent of a with one of b, less that with b's turned codes.

    NaN for latents of a that never vary. From covariances alone, so that the dense turned codes
    need not exist. Memory O(n_a n_b + n_b^2).
    """
    return _excess(_covariance(a, b), a, b, turn, _turned_variance(_covariance(b, b), turn))


def _excess(
    across: Float64[np.ndarray, "n_a n_b"],
    a: Codes,
    b: Codes,
    turn: Float64[np.ndarray, "n_b n_b"],
    turned_variance: Float64[np.ndarray, " n_b"],
) -> Float64[np.ndarray, " n_a"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        of_a = np.sqrt(a.variance)[:, None]
        straight = across / (of_a * np.sqrt(b.variance))
        turned = (across @ turn.T) / (of_a * np.sqrt(turned_variance))
    best, chance = (np.where(np.isfinite(x), x, -1.0).max(axis=1) for x in (straight, turned))
    return np.where(a.varies, best - chance, np.nan)


def _places(j: int, n_runs: int) -> range:
    """Which places run j has among the others of a run: all but those after it count it as j."""
    return range(max(j - 1, 0), min(j, n_runs - 2) + 1)


def _turned_variances(
    codes: Codes, places: range, seed: int
) -> dict[int, Float64[np.ndarray, " n"]]:
    """By place among the others, which says the rotation."""
    within = _covariance(codes, codes)
    return {
        place: _turned_variance(within, rotation(codes.d_sae, seed + place)) for place in places
    }


def _turned_variance(
    within: Float64[np.ndarray, "n n"], turn: Float64[np.ndarray, "n n"]
) -> Float64[np.ndarray, " n"]:
    return np.asarray(np.einsum("ij,ij->i", turn @ within, turn))


def _codes(run: Traits) -> Codes:
    assert run.codes is not None
    return run.codes


def _covariance(a: Codes, b: Codes) -> Float64[np.ndarray, "n_a n_b"]:
    total = np.zeros((a.d_sae, b.d_sae))
    for start in range(0, a.n_tokens, _TOKENS_PER_STEP):
        tokens = range(start, min(a.n_tokens, start + _TOKENS_PER_STEP))
        one, other = (token_range(codes, tokens).astype(np.float64) for codes in (a, b))
        total += (one @ other.T).toarray()
    return np.asarray(total / a.n_tokens - np.outer(a.mean, b.mean))
