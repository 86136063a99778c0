"""The shipped runs looked at as the study this project began with did, each number beside a null.

    python -m analysis.original_study --out analysis/results/original_study

Writes `greedy.csv` (mean max cosine of decoder rows of every pair of runs, in both directions, and
what unrelated runs give), its means `ratios.csv` (over pairs of one ratio of widths) and `bars.csv`
(over pairs of one model, hook and two widths), `pairs.csv` (mean similarity of assigned latents by
decoder, encoder and activations), `frequencies.csv` (how often every latent fires on the shipped
sample) and `settings.json`. The original study is that of migerovitch/universal-features.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd

from universality.activations.cache import ActivationCache, open_cache
from universality.comparison import Policy, compare
from universality.dictionary import Dictionary
from universality.encoding.streaming import encode
from universality.loading import load
from universality.recurrence.study import stability
from universality.shipped import shipped_folder
from universality.storage.json_output import write_json

_MEANS = {
    "ratios": ["ratio", "direction"],
    "bars": ["model", "hook", "widths", "direction"],
}
"""What the pairs of each table of means have in common."""


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    runs: tuple[str, ...] = (
        "w576-s0",
        "w576-s1",
        "w1152-s0",
        "w1152-s1",
        "w2304-s0",
        "w2304-s1",
        "w2304-s2",
    )
    """Shipped runs; `w2304-s0-order1` starts from the weights of `w2304-s0` and is left out."""
    null: str = "geometry"
    """What every number stands beside."""
    n_draws: int = 2
    """Draws of the null."""
    seed: int = 0
    """Of the draws."""

    def policy(self, *views: str) -> Policy:
        """The choices of one comparison."""
        return Policy(views=views or None, nulls=(self.null,), n_draws=self.n_draws, seed=self.seed)


def run(out: Path, settings: Settings) -> None:
    """Compare every pair of runs, and write the tables into `out`."""
    folder = shipped_folder()
    runs = {name: load(folder / name) for name in settings.runs}
    cache = open_cache(folder / "activations")
    out.mkdir(parents=True, exist_ok=True)
    greedy = [
        row
        for a, b in combinations(settings.runs, 2)
        for row in _greedy(runs[a], runs[b], names=(a, b), settings=settings)
    ]
    table = pd.DataFrame(greedy)
    table.to_csv(out / "greedy.csv", index=False, float_format="%.6f")
    for name, keys in _MEANS.items():
        means = table.groupby(keys, as_index=False, sort=False)[["value", "null_value"]].mean()
        means.to_csv(out / f"{name}.csv", index=False, float_format="%.6f")
    found = stability(list(runs.values()), settings.policy(), activations=[cache])
    nulls = {view: one["mean"]["null"] for view, one in found.summary["over_pairs"].items() if one}
    known = found.pairs[["a", "b", "view", "mean"]]
    known.assign(null_of_equal_widths=known["view"].map(nulls)).to_csv(
        out / "pairs.csv", index=False, float_format="%.6f"
    )
    frequencies = pd.concat([_frequencies(name, one, cache) for name, one in runs.items()])
    frequencies.to_csv(out / "frequencies.csv", index=False, float_format="%.6g")
    write_json(asdict(settings) | {"n_tokens": len(cache)}, out / "settings.json")


def _greedy(
    a: Dictionary, b: Dictionary, *, names: tuple[str, str], settings: Settings
) -> list[dict[str, Any]]:
    """Mean max cosine from the narrower run to the wider and back; a to b first where equal."""
    (narrow, a), (wide, b) = sorted(zip(names, (a, b), strict=True), key=lambda one: one[1].d_sae)
    means = compare(a, b, settings.policy("decoder")).summary["views"]["decoder"]["greedy"]
    return [
        {
            "a": narrow,
            "b": wide,
            "model": a.key.model_name,
            "hook": a.key.hook_name,
            "widths": f"{a.d_sae:,} to {b.d_sae:,}",
            "ratio": b.d_sae / a.d_sae,
            "direction": way,
            "value": means[key]["mean"],
            "null_value": means[key]["null_mean"],
        }
        for way, key in (("narrow to wide", "a_to_b"), ("wide to narrow", "b_to_a"))
    ]


def _frequencies(name: str, one: Dictionary, cache: ActivationCache) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run": name,
            "hook": one.key.hook_name,
            "width": one.d_sae,
            "latent": np.arange(one.d_sae),
            "frequency": encode(one, cache).frequency,
        }
    )


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("analysis/results/original_study"))
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
