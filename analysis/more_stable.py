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
    python -m analysis.more_stable --runs RUNS --activations UNSEEN --random RANDOM --work WORK \
        --out analysis/results/more_stable

The change is aligned training (Brzozowski and Chung, arXiv:2605.18629: encoder and decoder rows of
inner product 1), against plain TopK of the same width, sparsity, tokens and seeds. Every folder of
RUNS is judged by itself, under every rule and beside its own chance; what was judged is kept in
WORK, and the same command goes on after an interruption. Writes `rules.csv`: both recipes, the
other folders as floors; `groups.csv`: every folder beside its own chance; `quality.csv`: how well
every run reconstructs; and `settings.json`. Firing is on the first tokens of UNSEEN, on which
nothing was trained; of the random-weights model on those of RANDOM, on which its runs were.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

from universality.activations.cache import ActivationCache, open_cache
from universality.comparison import Policy
from universality.rules import apply_rules
from universality.runs.untrained import shortened
from universality.storage.json_output import write_json

RECIPES = ("plain", "aligned")
FLOORS = {
    "frozen_decoder": "frozen",
    "soft_frozen_decoder": "soft_frozen",
    "random_model": "random_{recipe}",
    "same_start": "same_start_{recipe}",
}
"""Folder of runs of each floor."""
_READING = ["rule", "quantity"]


@final
@dataclass(frozen=True)
class Settings:
    """What decides the table, besides the runs."""

    n_tokens: int = 300_000
    """Tokens on which firing is compared, at least: the first whole files of the cache."""
    n_draws: int = 5
    """Draws of each null."""
    seed: int = 0
    """Of the draws."""


def run(
    runs: Path, caches: Sequence[Path], work: Path, settings: Settings
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Every folder of runs judged by itself: its table, and what else was found of it."""
    work.mkdir(parents=True, exist_ok=True)
    opened = [_first(open_cache(path), settings.n_tokens) for path in caches]
    tables, findings = [], {}
    for name in _groups():
        kept = work / f"{name}.json"
        if not kept.exists():
            print(name, flush=True)
            write_json(_judged(_members(runs, name), opened, settings), kept)
        found = json.loads(kept.read_text())
        if found["settings"] != asdict(settings):
            raise SystemExit(f"{kept} was made with {found['settings']}; give another --work")
        tables.append(pd.DataFrame(found.pop("rules")).assign(group=name))
        findings[name] = found
    return pd.concat(tables, ignore_index=True), findings


def beside_floors(groups: pd.DataFrame) -> pd.DataFrame:
    """The table of the two recipes, the values of the other folders as their floors."""
    by_group = {name: table.drop(columns="group") for name, table in groups.groupby("group")}
    tables = []
    for recipe in RECIPES:
        table = by_group[recipe]
        for floor, folder in FLOORS.items():
            values = by_group[folder.format(recipe=recipe)][[*_READING, "value"]]
            renamed = values.dropna().rename(columns={"value": f"floor_{floor}"})
            table = table.merge(renamed, on=_READING, how="left")
        tables.append(table.assign(recipe=recipe))
    joined = pd.concat(tables, ignore_index=True)
    return joined[["recipe", *(name for name in joined if name != "recipe")]]


def _groups() -> list[str]:
    floors = [folder.format(recipe=recipe) for recipe in RECIPES for folder in FLOORS.values()]
    return [*RECIPES, *dict.fromkeys(floors)]


def _judged(
    members: list[str], caches: Sequence[ActivationCache], settings: Settings
) -> dict[str, Any]:
    policy = Policy(n_draws=settings.n_draws, seed=settings.seed)
    found = apply_rules(members, policy=policy, activations=caches)
    return {
        "runs": [Path(one).name for one in members],
        "validity": found.summary["validity"],
        "settings": asdict(settings),
        "rules": found.summary["rules"],
    }


def _members(runs: Path, group: str) -> list[str]:
    """The runs of a folder; a shared start is that of the recipe's first run."""
    own = [str(path.parent) for path in sorted((runs / group).glob("w*/training_record.json"))]
    recipe = group.removeprefix("same_start_")
    return own if recipe == group else [*_members(runs, recipe)[:1], *own]


def _first(cache: ActivationCache, n_tokens: int) -> ActivationCache:
    """The first files of a cache that hold as many tokens."""
    upto = np.cumsum([shard.n_tokens for shard in cache.meta.shards])
    n_files = int(np.searchsorted(upto, n_tokens)) + 1
    return shortened(cache, min(1.0, n_files / len(upto)))


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
    for name in ("runs", "activations", "random", "work", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    settings = Settings()
    groups, findings = run(given.runs, [given.activations, given.random], given.work, settings)
    given.out.mkdir(parents=True, exist_ok=True)
    quality = pd.DataFrame([_quality(path) for path in sorted(given.runs.glob("*/w*"))])
    tables = {"rules": beside_floors(groups), "groups": groups, "quality": quality}
    for name, table in tables.items():
        table.to_csv(given.out / f"{name}.csv", index=False, float_format="%.4f")
    command = (
        "python -m analysis.more_stable --runs RUNS --activations UNSEEN --random RANDOM "
        "--work WORK --out analysis/results/more_stable"
    )
    validity = {name: found["validity"] for name, found in findings.items()}
    write_json(
        {"command": command, "validity": validity} | asdict(settings), given.out / "settings.json"
    )
    print(tables["rules"].drop(columns=["needs", "reason_skipped"]).to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
