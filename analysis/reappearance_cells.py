"""Trains what the study of reappearance needs: seeds of one small recipe, and of its neighbours.

    universality activations collect --model MODEL --hook blocks.8.hook_resid_post \
        --text unseen.jsonl --max-tokens 320000 --out TRAINED
    universality activations collect --model MODEL --hook blocks.9.hook_mlp_out \
        --text train.jsonl --max-tokens 450000 --out OTHER
    universality activations collect --random-weights 0 --model MODEL \
        --hook blocks.8.hook_resid_post --text unseen.jsonl --max-tokens 320000 --out RANDOM
    python -m analysis.reappearance_cells --trained TRAINED --other OTHER --random RANDOM \
        --work WORK

Each cell differs from `base` in one thing. The runs are small and short, so that eight seeds of one
recipe can be had in minutes; small batches let them agree as well as short runs can. Runs that are
finished are left alone. `analysis.reappearance_transfer` reads them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from universality.activations.cache import open_cache
from universality.training.architectures import BatchTopKRecipe, TopKRecipe
from universality.training.runs import train
from universality.training.settings import TrainingSettings


@final
@dataclass(frozen=True)
class StudyCell:
    """Runs of one recipe that differ in their seed alone."""

    cache: str = "trained"
    """Which of the caches they read."""
    d_sae: int = 576
    """Latents of each run."""
    k: int = 32
    """Active latents per token."""
    architecture: str = "topk"
    """`topk` or `batchtopk`."""
    n_seeds: int = 3
    """Seeds of weights and of order, from 0."""
    n_tokens: int = 1_000_000
    """Presentations: the cache is shown about three times."""
    batch_size: int = 256
    """Tokens per step."""

    def settings(self, seed: int) -> TrainingSettings:
        """Of the run of one seed."""
        recipe = {"topk": TopKRecipe, "batchtopk": BatchTopKRecipe}[self.architecture]
        return TrainingSettings(
            d_sae=self.d_sae,
            architecture=recipe(self.k),
            n_tokens=self.n_tokens,
            batch_size=self.batch_size,
            init_seed=seed,
            order_seed=seed,
        )


BASE = StudyCell(n_seeds=8)

CELLS: Mapping[str, StudyCell] = {
    "base": BASE,
    "random weights": replace(BASE, cache="random", n_seeds=3),
    "k 16": replace(BASE, k=16, n_seeds=3),
    "width 288": replace(BASE, d_sae=288, n_seeds=3),
    "batchtopk": replace(BASE, architecture="batchtopk", n_seeds=3),
    "another hook": replace(BASE, cache="other", n_seeds=3),
    "width 1152": replace(BASE, d_sae=1152, n_seeds=3),
}
"""Every cell by name; each but `base` differs from it in what its name says."""


def folder_of(work: Path, name: str) -> Path:
    """Where the runs of a cell lie."""
    return work / name.replace(" ", "-")


def train_cell(name: str, caches: Mapping[str, Path], work: Path, *, seeds: range) -> list[Path]:
    """The folders of a cell's runs of these seeds, trained where they are not yet."""
    cell = CELLS[name]
    settings = [cell.settings(seed) for seed in seeds if seed < cell.n_seeds]
    return train(open_cache(caches[cell.cache]), settings, folder_of(work, name))


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    for name in ("trained", "other", "random"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--cell", choices=CELLS, action="append")
    parser.add_argument("--seeds", default="0:8", help="first:stop")
    given = parser.parse_args()
    first, stop = map(int, given.seeds.split(":"))
    caches = {name: getattr(given, name) for name in ("trained", "other", "random")}
    for name in given.cell or CELLS:
        train_cell(name, caches, given.work, seeds=range(first, stop))


if __name__ == "__main__":
    main()
