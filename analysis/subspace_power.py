"""False alarms and power of the question whether two remainders span the same directions.

Run as `python -m analysis.subspace_power --out analysis/results/subspace_power`.

Worlds of two runs with shared latents and a remainder that is planted in one subspace of both runs,
or independent. Writes `power.csv`, one row per world, share unmatched and rank: mean energy of one
remainder in the other's leading span, beside chance and the run at large, and how often p is at
most .05 - by a uniformly random rotation, and by the `geometry` null fitted to the remainder, whose
maps keep the very span that is asked about.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import normalize

from universality.geometry.subspaces import energy_inside, span_of
from universality.nulls import geometry
from universality.nulls.rotation import haar
from universality.nulls.unrelated_spans import span_agreement
from universality.storage.json_output import write_json

Remainder: TypeAlias = Callable[[int, Tensor, torch.Generator], Tensor]


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    n: int = 512
    """Latents of each run."""
    d: int = 64
    """Dimensions."""
    shares: tuple[float, ...] = (0.3, 0.8)
    """Of the latents, how many are unmatched."""
    ranks: tuple[int, ...] = (4, 8, 16, 32)
    """Dimensions of the leading spans; those of the planted subspace are 8."""
    n_worlds: int = 200
    """Pairs of runs of each kind."""
    n_draws: int = 99
    """Draws of either reference."""
    seed: int = 0
    """Seed of worlds and draws."""


def planted(n: int, axes: Tensor, generator: torch.Generator, *, noise: float) -> Tensor:
    """Rows in the first eight of the axes that both runs know, and noise."""
    rows = torch.randn(n, 8, generator=generator, dtype=torch.float32) @ axes[:8]
    return rows + noise * torch.randn(n, len(axes), generator=generator, dtype=torch.float32)


def independent(n: int, axes: Tensor, generator: torch.Generator, *, confined: bool) -> Tensor:
    """Rows from everywhere, or in eight dimensions of a run's own."""
    if not confined:
        return torch.randn(n, len(axes), generator=generator, dtype=torch.float32)
    return planted(n, haar(len(axes), generator=generator), generator, noise=0.05)


WORLDS: dict[str, Remainder] = {
    "planted, noise .05": partial(planted, noise=0.05),
    "planted, noise .5": partial(planted, noise=0.5),
    "independent, from everywhere": partial(independent, confined=False),
    "independent, a subspace of each run's own": partial(independent, confined=True),
}


def run(out: Path, settings: Settings) -> None:
    """Make all worlds and write the table into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for name, remainder in WORLDS.items():
        for share in settings.shares:
            worlds = [_world(remainder, share, k, settings) for k in range(settings.n_worlds)]
            means = pd.concat(worlds).groupby("r", as_index=False).mean()
            rows += [{"world": name, "unmatched": share} | row for row in means.to_dict("records")]
    table = pd.DataFrame(rows).astype({"r": int})
    table.to_csv(out / "power.csv", index=False, float_format="%.4f")
    command = f"python -m analysis.subspace_power --out {out}"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    print(table.to_string(index=False, float_format="%.3f"))


def _world(remainder: Remainder, share: float, number: int, settings: Settings) -> pd.DataFrame:
    generator = torch.Generator().manual_seed(settings.seed + number)
    n_left = int(share * settings.n)
    axes = haar(settings.d, generator=generator)
    n_shared = settings.n - n_left
    shared = torch.randn(n_shared, settings.d, generator=generator, dtype=torch.float32)
    a, b = (
        normalize(torch.cat([remainder(n_left, axes, generator), shared]), dim=1) for _ in (0, 1)
    )
    everything, left = np.arange(settings.n), np.arange(n_left)
    found = span_agreement(
        a,
        b,
        (everything, everything),
        (left, left),
        ranks=settings.ranks,
        n_draws=settings.n_draws,
        generator=generator,
    )
    kept = _by_geometry(a[:n_left], b[:n_left], settings, generator)
    reached = (kept >= found.energy).sum(axis=0)
    return pd.DataFrame(
        {
            "r": found.ranks,
            "energy": found.energy,
            "chance": found.chance,
            "at_large": found.at_large,
            "by_geometry": kept.mean(axis=0),
            "p_05_by_rotation": found.p <= 0.05,
            "p_05_by_geometry": (1 + reached) / (1 + settings.n_draws) <= 0.05,
        }
    )


def _by_geometry(
    a: Tensor, b: Tensor, settings: Settings, generator: torch.Generator
) -> np.ndarray:
    """Energy by draw and rank, b turned by maps that keep its mean and its covariance."""
    fitted, of_a, of_b = geometry.fit(b), span_of(a), span_of(b)
    at = torch.tensor(settings.ranks) - 1
    draws = []
    for _ in range(settings.n_draws):
        turn = geometry.draw_map(fitted, generator=generator).double()
        cosines = of_a.axes.T @ turn.T @ of_b.axes
        draws.append(sum(both[at] for both in energy_inside(of_a, of_b, cosines=cosines)).numpy())
    return np.stack(draws) / 2


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
