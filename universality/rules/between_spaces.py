"""A rule on spaces, not on latents: are the decoder rows of paired latents arranged alike?"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int64

from universality.errors import InvalidInputError
from universality.pair_geometry.arrangement import similarity_of_arrangement
from universality.pair_geometry.canonical import canonical_correlations, n_explaining
from universality.pair_geometry.paired_rows import FEWEST_PAIRS
from universality.rules.compared_runs import ComparedRuns, RuleReading
from universality.runs.views import ACTIVATIONS

LEAST_CORRELATION = 0.1
"""Pairs that fire less alike are left out."""
MOST_PAIRED = 4096
"""Pairs whose mutual similarities are ranked; of more, so many evenly spaced ones."""
EXPLAINED = 0.99
"""Share of the variance that the components hold whose canonical correlations are taken."""
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


def mean_canonical(
    x: Float64[np.ndarray, "n d_x"], y: Float64[np.ndarray, "n d_y"], n_components: int | None
) -> float:
    """SVCCA of so many leading components, or of those that hold 99 % of the variance.

    NaN where both together are as many as the rows: they then meet by necessity.
    """
    try:
        wanted = [n_components or n_explaining(rows, EXPLAINED, "rows") for rows in (x, y)]
        return float(canonical_correlations(x, y, (wanted[0], wanted[1])).mean())
    except InvalidInputError:
        return float("nan")


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
    if paired_i.size < FEWEST_PAIRS:
        return int(paired_i.size), (float("nan"),) * 3
    if generator is not None:
        paired_j = paired_j[torch.randperm(paired_j.size, generator=generator).numpy()]
    x, y = (
        runs.runs[run].directions["decoder"][torch.from_numpy(numbers)].double().cpu().numpy()
        for run, numbers in ((i, paired_i), (j, paired_j))
    )
    rsa = similarity_of_arrangement(x, y, likeness="correlation")
    return int(paired_i.size), (rsa, mean_canonical(x, y, None), mean_canonical(x, y, 1))


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
