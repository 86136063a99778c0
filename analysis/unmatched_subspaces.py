"""Do the latents that two shipped runs do not share still span the same directions?

Run as `python -m analysis.unmatched_subspaces --out analysis/results/unmatched_subspaces`.

A latent is unmatched when the assignment of its decoder row reaches less than the threshold.
Writes `overlap.csv`: mean squared cosine of the principal angles between the top eigenspaces of
the two remainders, beside equally many random latents of the same runs, and chance, r / d.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd
import torch
from torch import Tensor

from universality.dictionary import Dictionary
from universality.geometry.subspaces import subspace_agreement
from universality.loading import load
from universality.matching import match
from universality.shipped import shipped_folder
from universality.storage.json_output import write_json


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    pairs: tuple[tuple[str, str], ...] = (
        ("w2304-s0", "w2304-s1"),
        ("w2304-s0", "w2304-s0-order1"),
    )
    """Names of shipped runs: independent seeds, and a shared start."""
    threshold: float = 0.7
    """Similarity below which an assigned latent counts as unmatched."""
    ranks: tuple[int, ...] = (8, 16, 32, 64, 128)
    """Dimensions of the eigenspaces."""
    seed: int = 0
    """Seed of the random subsets."""


def run(out: Path, settings: Settings) -> None:
    """Compare every pair and write the table into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for names in settings.pairs:
        a, b = (load(shipped_folder() / name) for name in names)
        rows += [{"a": names[0], "b": names[1]} | row for row in _overlaps(a, b, settings)]
    table = pd.DataFrame(rows)
    table.to_csv(out / "overlap.csv", index=False, float_format="%.5f")
    command = f"python -m analysis.unmatched_subspaces --out {out}"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    print(table.to_string(index=False, float_format="%.4f"))


def _overlaps(a: Dictionary, b: Dictionary, settings: Settings) -> list[dict[str, Any]]:
    decoders = [run.directions("decoder").float() for run in (a, b)]
    unmatched = _unmatched(decoders[0], decoders[1], settings.threshold)
    generator = torch.Generator().manual_seed(settings.seed)
    rows = []
    for r in settings.ranks:
        found = subspace_agreement(*decoders, unmatched, r=r, generator=generator)
        rows.append(
            {
                "r": r,
                "unmatched_a": int(unmatched[0].sum()),
                "unmatched_b": int(unmatched[1].sum()),
                "overlap": found.overlap,
                "random_subsets": found.null_overlap_mean,
                "random_subsets_sd": found.null_overlap_sd,
                "chance": found.chance,
            }
        )
    return rows


def _unmatched(a: Tensor, b: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    matching = match(a, b)
    below = torch.ones(len(a), dtype=torch.bool), torch.ones(len(b), dtype=torch.bool)
    reached = torch.from_numpy(matching.similarity >= threshold)
    below[0][torch.from_numpy(matching.a)[reached]] = False
    below[1][torch.from_numpy(matching.b)[reached]] = False
    return below


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
