"""Is a training change that claims "more stable features" more stable? Every rule, every floor.

    CACHE and RANDOM: `universality activations collect` of one text, of the model and with
    `--random-weights 0`, 320,000 tokens each; UNSEEN: other documents of the model.
    universality train --width 576 --k 32 --tokens 1200000 --lr 4e-3 --half ...  for each of
      --out RUNS/plain --activations CACHE --architecture topk --seeds 0,1,2
      --out RUNS/aligned --activations CACHE --architecture topk_aligned --seeds 0,1,2
      --out RUNS/same_start_plain as plain, and same_start_aligned as aligned, with --seeds 0
        --order-seeds 1
      --out RUNS/frozen --activations CACHE --architecture frozen_decoder --seeds 0,1
      --out RUNS/soft_frozen --activations CACHE --architecture soft_frozen_decoder --seeds 0,1
      --out RUNS/random_plain --activations RANDOM --architecture topk --seeds 0,1
      --out RUNS/random_aligned --activations RANDOM --architecture topk_aligned --seeds 0,1
    python -m analysis.more_stable --runs RUNS --activations UNSEEN --random RANDOM \
        --out analysis/results/more_stable

The change is aligned training (Brzozowski and Chung, arXiv:2605.18629: encoder and decoder rows of
inner product 1), against plain TopK of the same width, sparsity, tokens and seeds. Writes
`rules.csv`: for both recipes every rule with its null and floors, firing on documents that were
never trained on; `quality.csv`: how well every run reconstructs; and `settings.json`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from universality.comparison import Policy
from universality.rules import apply_rules
from universality.storage.json_output import write_json

RECIPES = ("plain", "aligned")


@final
@dataclass(frozen=True)
class Settings:
    """What decides the table, besides the runs."""

    n_draws: int = 2
    """Draws of each null."""
    seed: int = 0
    """Of the draws."""


def run(runs: Path, activations: Path, random: Path, out: Path, settings: Settings) -> None:
    """Apply every rule to both recipes, and write."""
    out.mkdir(parents=True, exist_ok=True)
    policy = Policy(n_draws=settings.n_draws, seed=settings.seed)
    tables, validity = [], {}
    for recipe in RECIPES:
        found = apply_rules(
            _runs(runs / recipe),
            policy=policy,
            activations=[activations, random],
            floors={
                "frozen_decoder": _runs(runs / "frozen"),
                "soft_frozen_decoder": _runs(runs / "soft_frozen"),
                "random_model": _runs(runs / f"random_{recipe}"),
                "same_start": [
                    *_runs(runs / recipe)[:1],
                    *_runs(runs / f"same_start_{recipe}"),
                ],
            },
        )
        validity[recipe] = found.summary["validity"]
        tables.append(found.table.assign(recipe=recipe))
    table = pd.concat(tables, ignore_index=True)
    table = table[["recipe", *(name for name in table if name != "recipe")]]
    table.to_csv(out / "rules.csv", index=False, float_format="%.4f")
    quality = pd.DataFrame([_quality(path) for path in sorted(runs.glob("*/w*"))])
    quality.to_csv(out / "quality.csv", index=False, float_format="%.4f")
    command = (
        "python -m analysis.more_stable --runs RUNS --activations UNSEEN --random RANDOM --out "
        "analysis/results/more_stable"
    )
    write_json({"command": command, "validity": validity} | asdict(settings), out / "settings.json")
    print(table.drop(columns=["needs", "reason_skipped"]).to_string(float_format="%.3f"))


def _runs(folder: Path) -> list[str]:
    return [str(path.parent) for path in sorted(folder.glob("w*/training_record.json"))]


def _quality(path: Path) -> dict[str, Any]:
    record = json.loads((path / "training_record.json").read_text())
    unseen = record["held_out"]
    return {
        "recipe": path.parent.name,
        "run": path.name,
        "fvu_unseen": unseen["fvu"],
        "l0_unseen": unseen["l0"],
        "dead": unseen["dead_fraction"],
        "presentations": record["n_presentations"],
        "mean_cosine_to_start": record["mean_cosine_to_start"],
    }


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("runs", "activations", "random", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    run(given.runs, given.activations, given.random, given.out, Settings())


if __name__ == "__main__":
    main()
