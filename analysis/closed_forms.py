"""Closed forms of the isotropic null against means of draws, and the published assignment nulls.

Run as `python -m analysis.closed_forms --out analysis/results/closed_forms`.

Writes `greedy.csv`: for a grid of dimensions and numbers of candidates, equal and unequal widths,
signed and absolute, the exact mean of the maximum beside the mean over draws, whose standard error
is below .0005; and `assignment.csv`: drawn assignment nulls at the published sizes, signed and
absolute, beside the published values.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from universality.matching import match
from universality.nulls.isotropic import mean_of_maximum
from universality.nulls.rotation import unit_rows
from universality.storage.json_output import write_json


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    dimensions: tuple[int, ...] = (16, 64, 128, 512, 768, 2304)
    """Values of d."""
    candidates: tuple[int, ...] = (32, 128, 512, 2048, 4096)
    """Values of n_b."""
    queries: int = 64
    """Rows of a where widths are unequal; n_b of them where they are equal."""
    standard_error: float = 4.5e-4
    """Draws go on until the standard error of their mean is below this."""
    assignments: tuple[tuple[int, int, int, float, float], ...] = (
        (64, 256, 120, 0.3279, 0.3545),
        (128, 1024, 12, 0.2719, 0.2886),
        (512, 2048, 3, 0.1460, 0.1542),
        (768, 4096, 2, 0.1262, 0.1328),
    )
    """d, n, number of draws, and the published means, signed and absolute."""
    seed: int = 0
    """Seed of everything drawn."""


def run(out: Path, settings: Settings) -> None:
    """Draw the grid and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(settings.seed)
    greedy = pd.DataFrame(_greedy(settings, generator))
    greedy.to_csv(out / "greedy.csv", index=False, float_format="%.6f")
    assigned = pd.DataFrame(_assignments(settings, generator))
    assigned.to_csv(out / "assignment.csv", index=False, float_format="%.6f")
    command = "python -m analysis.closed_forms --out analysis/results/closed_forms"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    within = (greedy["deviation_in_errors"].abs() <= 3).mean()
    print(f"{within:.1%} of {len(greedy)} closed forms within three standard errors")
    print(assigned.to_string(index=False))


def _greedy(settings: Settings, generator: torch.Generator) -> Iterator[dict[str, Any]]:
    grid = [
        (d, n_a, n_b)
        for d, n_b in product(settings.dimensions, settings.candidates)
        for n_a in (settings.queries, n_b)
    ]
    for d, n_a, n_b in tqdm(grid, desc="greedy", disable=None):
        draws = _maxima(d, n_a, n_b, settings=settings, generator=generator)
        for column, absolute in enumerate((False, True)):
            values = draws[:, column]
            error = values.std(ddof=1) / np.sqrt(len(values))
            exact = mean_of_maximum(d, n_b, absolute=absolute)
            yield {
                "d": d,
                "n_a": n_a,
                "n_b": n_b,
                "absolute": absolute,
                "exact": exact,
                "drawn": values.mean(),
                "standard_error": error,
                "deviation_in_errors": (values.mean() - exact) / error,
                "draws": len(values),
            }


def _maxima(
    d: int, n_a: int, n_b: int, *, settings: Settings, generator: torch.Generator
) -> np.ndarray:
    """Mean of the maximum, signed and absolute, of as many draws as the standard error needs."""
    means: list[tuple[float, float]] = []
    while len(means) < 16 or _error(means) > settings.standard_error:
        rows = unit_rows(n_a, d, generator=generator)
        cosines = rows @ unit_rows(n_b, d, generator=generator).T
        means.append((float(cosines.amax(dim=1).mean()), float(cosines.abs().amax(dim=1).mean())))
    return np.array(means)


def _error(means: list[tuple[float, float]]) -> float:
    return float(np.std(means, axis=0, ddof=1).max() / np.sqrt(len(means)))


def _assignments(settings: Settings, generator: torch.Generator) -> Iterator[dict[str, Any]]:
    for d, n, draws, *published in settings.assignments:
        for absolute in (False, True):
            values = [
                match(*(unit_rows(n, d, generator=generator) for _ in "ab"), absolute=absolute).mean
                for _ in tqdm(range(draws), desc=f"assignment, n = {n}", disable=None)
            ]
            yield {
                "d": d,
                "n": n,
                "absolute": absolute,
                "published": published[absolute],
                "mean": np.mean(values),
                "standard_error": np.std(values, ddof=1) / np.sqrt(draws),
                "draws": draws,
            }


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
