"""How much of what two seeds share do they owe to the model's training? A floor of random weights.

    universality activations collect --model MODEL --hook blocks.8.hook_resid_post \
        --text unseen.jsonl --max-tokens 320000 --out TRAINED
    universality activations collect --random-weights 0 --model MODEL \
        --hook blocks.8.hook_resid_post --text unseen.jsonl --max-tokens 320000 --out RANDOM
    python -m analysis.random_model --trained TRAINED --random RANDOM --work WORK \
        --out analysis/results/random_model

Two small autoencoders that differ in their seed are trained on each cache and compared, by the same
recipe. Writes `shared.csv`: for each model and view the similarity of the assigned pairs and the
share at the threshold, each beside its null and the floor of untrained autoencoders; and how well
the autoencoders reconstruct. The runs are short, so their agreement is below that of long ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

from universality.activations.cache import open_cache
from universality.comparison import Policy, compare
from universality.storage.json_output import write_json
from universality.training.architectures import TopKRecipe
from universality.training.runs import train
from universality.training.settings import TrainingSettings


@final
@dataclass(frozen=True)
class Settings:
    """What decides the table, besides the caches."""

    d_sae: int = 576
    """Latents of each run."""
    k: int = 32
    """Active latents per token."""
    n_tokens: int = 1_000_000
    """Presentations; the cache is shown about three times."""
    seeds: tuple[int, int] = (0, 1)
    """Of weights and of order."""
    threshold: float = 0.7
    """Similarity from which two latents count as the same."""
    n_draws: int = 2
    """Draws of each null."""


def run(caches: dict[str, Path], work: Path, out: Path, settings: Settings) -> None:
    """Train, compare, and write the table; finished runs in `work` are used again."""
    rows = [row for name, path in caches.items() for row in _rows(name, path, work, settings)]
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "shared.csv", index=False, float_format="%.4f")
    command = (
        "python -m analysis.random_model --trained TRAINED --random RANDOM --work WORK --out "
        "analysis/results/random_model"
    )
    models = {name: open_cache(path).meta.model_name for name, path in caches.items()}
    write_json({"command": command, "models": models} | asdict(settings), out / "settings.json")
    print(table.to_string(index=False, float_format="%.3f"))


def _rows(name: str, path: Path, work: Path, settings: Settings) -> Iterator[dict[str, Any]]:
    cache = open_cache(path)
    runs = [
        TrainingSettings(
            d_sae=settings.d_sae,
            architecture=TopKRecipe(settings.k),
            n_tokens=settings.n_tokens,
            init_seed=seed,
            order_seed=seed,
        )
        for seed in settings.seeds
    ]
    folders = train(cache, runs, work / name)
    policy = Policy(threshold=settings.threshold, n_draws=settings.n_draws, held_out=False)
    summary = compare(*folders, policy, activations=cache).summary
    shared = next(row for row in summary["shared"] if row["threshold"] == settings.threshold)
    records = [json.loads((folder / "training_record.json").read_text()) for folder in folders]
    for view, found in summary["views"].items():
        yield {
            "model": name,
            "view": view,
            "mean": found["assignment"]["mean"],
            "null_mean": found["assignment"]["null_mean"],
            "untrained_mean": found["nulls"]["untrained"]["assignment.mean"]["mean"],
            "shared": shared[view]["value"],
            "null_shared": shared[view]["null"],
            "untrained_shared": shared[view]["nulls"]["untrained"],
            "alive": min(summary["a"]["n_alive"], summary["b"]["n_alive"]),
            "fvu": np.mean([record["fvu"] for record in records]),
        }


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("trained", "random", "work", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    caches = {"trained": given.trained, "random weights": given.random}
    run(caches, given.work, given.out, Settings())


if __name__ == "__main__":
    main()
