"""Runs whose latents come back with chances that were planted: as weights, and as pairs alone."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import normalize

from tests.made_runs import make_run, unit_rows
from universality.dictionary import Dictionary
from universality.runs.partner_table import Link, PartnerTable, stack
from universality.synthetic.populations import DrawnRuns


def matched_population(drawn: DrawnRuns, n_runs: int | None = None) -> PartnerTable:
    """The drawn pairs as edges, of the first runs only if a number is given."""
    sizes = [len(latents) for latents in drawn.feature][:n_runs]
    links = {(i, j): Link(a, b) for (i, j), (a, b) in drawn.pairs.items() if max(i, j) < len(sizes)}
    names = [f"run{run}" for run in range(len(sizes))]
    return stack(names, [np.ones(size, dtype=bool) for size in sizes], links)


def planted_seeds(n_runs: int, *, n: int = 160, d: int = 24, first: int = 0) -> list[Dictionary]:
    """Runs in which frequent latents come back with .9, rare ones with .1.

    Latent i of every run is of feature i with that chance, its rows turned a little; else its rows
    are nobody's. Latents are shuffled in every run.
    """
    features = unit_rows(n, d, seed=1_000)
    frequent = torch.arange(n) < n // 2
    return [_planted_seed(features, frequent, first + run) for run in range(n_runs)]


def _planted_seed(features: torch.Tensor, frequent: torch.Tensor, seed: int) -> Dictionary:
    n, d = features.shape
    generator = torch.Generator().manual_seed(seed)
    here = torch.rand(n, generator=generator) < torch.where(frequent, 0.9, 0.1)
    turned = normalize(features + 0.05 * torch.randn(n, d, generator=generator), dim=1)
    rows = torch.where(here[:, None], turned, unit_rows(n, d, seed=10_000 + seed))
    read = normalize(rows + 0.05 * torch.randn(n, d, generator=generator), dim=1)
    frequency = torch.where(frequent, 0.1, 0.001) * (1 + torch.rand(n, generator=generator))
    order = torch.randperm(n, generator=generator)
    return make_run(
        rows[order],
        read[order],
        name=f"seed{seed}",
        frequency=frequency[order],
        seed=seed,
    )
