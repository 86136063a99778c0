"""Do the latents that two shipped runs do not share still span the same directions?

Run as `python -m analysis.unmatched_subspaces --out analysis/results/unmatched_subspaces`.

A latent is unmatched when the assignment of its decoder row reaches less than the threshold.
Writes `energy.csv`: the share of the energy of one remainder in the leading span of the other,
beside a uniformly random rotation (chance, r / d in the mean) and as many assigned pairs.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np
import pandas as pd
import torch

from universality.dictionary import Dictionary
from universality.loading import load
from universality.matching import match
from universality.nulls.unrelated_spans import span_agreement
from universality.shipped import shipped_folder
from universality.storage.json_output import write_json


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    pairs: tuple[tuple[str, str], ...] = (
        ("w2304-s0", "w2304-s1"),
        ("w2304-s0", "w2304-s2"),
        ("w2304-s1", "w2304-s2"),
        ("w2304-s0", "w2304-s0-order1"),
    )
    """Names of shipped runs: independent seeds, and a shared start."""
    threshold: float = 0.7
    """Similarity below which an assigned latent counts as unmatched."""
    ranks: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    """Dimensions of the leading spans."""
    n_draws: int = 99
    """Random rotations."""
    n_subsets: int = 8
    """Subsets of assigned pairs."""
    seed: int = 0
    """Seed of rotations and subsets."""


def run(out: Path, settings: Settings) -> None:
    """Compare every pair and write the table into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    tables = []
    for names in settings.pairs:
        a, b = (load(shipped_folder() / name) for name in names)
        tables.append(_energies(a, b, settings).assign(a=names[0], b=names[1]))
    table = pd.concat(tables, ignore_index=True)
    table = table[["a", "b", *(name for name in table if name not in ("a", "b"))]]
    table.to_csv(out / "energy.csv", index=False, float_format="%.5f")
    command = f"python -m analysis.unmatched_subspaces --out {out}"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    print(table.to_string(index=False, float_format="%.4f"))


def _energies(a: Dictionary, b: Dictionary, settings: Settings) -> pd.DataFrame:
    decoders = [run.directions("decoder").float() for run in (a, b)]
    found = match(*decoders, progress=False)
    reached = found.similarity >= settings.threshold
    left = np.setdiff1d(np.arange(found.n_a), found.a[reached])
    left_b = np.setdiff1d(np.arange(found.n_b), found.b[reached])
    agreement = span_agreement(
        decoders[0],
        decoders[1],
        (found.a, found.b),
        (left, left_b),
        ranks=settings.ranks,
        n_draws=settings.n_draws,
        n_subsets=settings.n_subsets,
        generator=torch.Generator().manual_seed(settings.seed),
    )
    return pd.DataFrame(
        {
            "r": agreement.ranks,
            "unmatched_a": len(left),
            "unmatched_b": len(left_b),
            "energy": agreement.energy,
            "a_in_b": agreement.a_in_b,
            "b_in_a": agreement.b_in_a,
            "chance": agreement.chance,
            "chance_sd": agreement.chance_sd,
            "p": agreement.p,
            "at_large": agreement.at_large,
            "at_large_sd": agreement.at_large_sd,
        }
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
