"""A rule on spaces, not on latents: are the decoder rows of paired latents arranged alike?"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int64

from universality.rules.compared_runs import ComparedRuns, RuleReading
from universality.runs.views import ACTIVATIONS

LEAST_CORRELATION = 0.1
"""Pairs that fire less alike are left out."""
MOST_PAIRED = 4096
"""Pairs whose mutual similarities are ranked; of more, so many evenly spaced ones."""
EXPLAINED = 0.99
"""Share of the variance that the components hold whose canonical correlations are taken."""
_FEWEST = 3
_FULL = "too few pairs for the width of the rows: every correlation would be 1"


def lan2024(runs: ComparedRuns) -> list[RuleReading]:
    """How alike the decoder rows of latents that fire together are arranged: RSA and SVCCA.

    Lan et al. (arXiv:2410.06981), section 3: each latent of one run is paired with the latent of
    the other that correlates with it most over tokens (several may have one counterpart), pairs
    below .1 are left out, and the two lists of decoder rows are compared as spaces, which may have
    different widths. No share of latents is stated. Code: `run_expm_fns.py` and `sim_fns.py` in
    run_pipeline of wlg1/univ_feat_geom at dbc2dde5, without its filter of words, which needs texts.

    Their `top_k_pca_comps` compares the *share* of variance with .99 of the *total* variance, which
    for unit rows is never reached, and then keeps one component: `SVCCA, one component` is what
    their code gives for such rows, `SVCCA` what the definition does.
    """
    return _spaces(runs, None)


def lan2024_by_chance(runs: ComparedRuns, generator: torch.Generator) -> list[RuleReading]:
    """The same with the paired rows shuffled, the baseline of the paper."""
    return _spaces(runs, generator)


def similarity_of_arrangement(
    x: Float64[np.ndarray, "n d_x"], y: Float64[np.ndarray, "n d_y"]
) -> float:
    """RSA: Spearman correlation of the correlations between rows, of all pairs of rows."""
    first, second = (_between_rows(one) for one in (x, y))
    from scipy.stats import rankdata  # a second of imports that most commands do without

    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def svcca(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    *,
    n_components: int | None = None,
) -> float:
    """Mean canonical correlation of the leading components of x and of y (Raghu et al. 2017).

    Those that hold 99 % of the variance, or `n_components`. NaN where both together are as many as
    the rows: they then meet in some direction by necessity.
    """
    scores = [_leading(one, n_components) for one in (x, y)]
    if sum(one.shape[1] for one in scores) >= len(x):
        return float("nan")
    bases = [np.linalg.qr(one - one.mean(axis=0))[0] for one in scores]
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).mean())


def _spaces(runs: ComparedRuns, generator: torch.Generator | None) -> list[RuleReading]:
    found = [_of_pair(runs, i, j, generator) for i, j in runs.pairs]
    n = sum(one[0] for one in found)
    names = ("RSA", "SVCCA", "SVCCA, one component")
    values = [float(np.mean([one[1][k] for one in found])) for k in range(len(names))]
    return [
        RuleReading(name, value, n, _FULL if np.isnan(value) else "")
        for name, value in zip(names, values, strict=True)
    ]


def _of_pair(
    runs: ComparedRuns, i: int, j: int, generator: torch.Generator | None
) -> tuple[int, tuple[float, float, float]]:
    """Number of pairs, and the three similarities; each latent of the narrower run has one pair."""
    paired_i, paired_j = _paired(runs, i, j)
    if paired_i.size < _FEWEST:
        return int(paired_i.size), (float("nan"),) * 3
    if generator is not None:
        paired_j = paired_j[torch.randperm(paired_j.size, generator=generator).numpy()]
    x, y = (
        runs.runs[run].directions["decoder"][torch.from_numpy(numbers)].double().cpu().numpy()
        for run, numbers in ((i, paired_i), (j, paired_j))
    )
    both = similarity_of_arrangement(x, y), svcca(x, y), svcca(x, y, n_components=1)
    return int(paired_i.size), both


def _paired(
    runs: ComparedRuns, i: int, j: int
) -> tuple[Int64[np.ndarray, " n_pairs"], Int64[np.ndarray, " n_pairs"]]:
    candidates = runs.candidates(i, j, ACTIVATIONS)
    backward = runs.runs[j].n_latents <= runs.runs[i].n_latents
    near = candidates.of_b if backward else candidates.of_a
    mine = np.flatnonzero(near.nearest_similarity > LEAST_CORRELATION)
    if mine.size > MOST_PAIRED:
        mine = mine[np.linspace(0, mine.size - 1, MOST_PAIRED).astype(np.int64)]
    other = near.nearest[mine]
    return (other, mine) if backward else (mine, other)


def _between_rows(rows: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, " n_pairs"]:
    centred = rows - rows.mean(axis=1, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray((unit @ unit.T)[np.triu_indices(len(rows), k=1)])


def _leading(
    rows: Float64[np.ndarray, "n d"], n_components: int | None
) -> Float64[np.ndarray, "n k"]:
    centred = rows - rows.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    if n_components is None:
        explained = np.cumsum(values**2) / max((values**2).sum(), np.finfo(np.float64).tiny)
        n_components = int(np.argmax(explained >= EXPLAINED)) + 1
    return np.asarray(left[:, :n_components] * values[:n_components])
