"""What the shipped dictionaries have in common: three seeds, three widths, families with contexts.

    python -m analysis.shipped_families [--out FOLDER]

Three independent seeds of one width, and two seeds of two narrower ones, on layer 8 of
SmolLM2-135M, with the held-out sample of activations that ships beside them. Families are shown at
even steps of their members' similarity, from the most to the least alike: nobody chose them.
Results go to `analysis/results/shipped_families/`.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from universality.activations.cache import open_cache
from universality.dictionary import Dictionary
from universality.loading import load
from universality.recurrence.study import consensus_of, stability
from universality.results import Stability
from universality.runs.policy import Policy
from universality.shipped import shipped_folder
from universality.storage.json_output import write_json


@dataclass(frozen=True)
class Config:
    """The choices of the study."""

    runs: tuple[str, ...] = (
        "w2304-s0",
        "w2304-s1",
        "w2304-s2",
        "w1152-s0",
        "w1152-s1",
        "w576-s0",
        "w576-s1",
    )
    """Shipped runs; `w2304-s0-order1` starts from the weights of `w2304-s0` and is left out."""
    n_draws: int = 4
    """Draws of the null."""
    n_shown: int = 5
    """Families to show with their contexts."""
    fewest_tokens: int = 10
    """Tokens of the sample on which a shown family's latents must fire, on average."""


def run(config: Config, out: Path, *, store: Path | None = None) -> dict[str, Any]:
    """The study's numbers, written to `out`: a summary, the flow, and some families."""
    folder = shipped_folder()
    runs = [load(folder / name) for name in config.runs]
    cache = open_cache(folder / "activations")
    found = stability(runs, Policy(n_draws=config.n_draws), activations=[cache], store=store)
    left_out = ("grid", "policy", "checks", "runs", "only_in_one_fit", "pairs")
    summary = {key: value for key, value in found.summary.items() if key not in left_out}
    summary["runs"] = list(config.runs)
    summary["consensus"] = _consensus(found, runs)
    out.mkdir(parents=True, exist_ok=True)
    write_json(summary, out / "summary.json")
    write_json(_shown(config, found, len(cache)), out / "families.json")
    if found.widths is not None:
        found.widths.flow.to_csv(out / "flow.csv", index=False)
    return summary


def _consensus(found: Stability, runs: list[Dictionary]) -> dict[str, Any]:
    """The dictionary of consensus directions, and how far members lie from theirs on average."""
    rule = found.summary["headline_rule"]
    families = found.families[found.families["view"] == rule]
    dictionary = consensus_of(found, runs)
    spreads = ("spread_decoder", "spread_encoder")
    return {
        "rule": rule,
        "d_sae": None if dictionary is None else dictionary.d_sae,
        **{f"mean_{name}": float(families[name].mean()) for name in spreads},
    }


def _shown(config: Config, found: Stability, n_tokens: int) -> list[dict[str, Any]]:
    assert found.contexts is not None
    rule = found.summary["headline_rule"]
    families = found.families[found.families["view"] == rule]
    shown = families["family"].isin(found.contexts["family"])
    everywhere = families["n_runs"] == found.summary["n_runs"]
    firing = families["frequency"] * n_tokens >= config.fewest_tokens
    ordered = families[shown & everywhere & firing].sort_values(
        "mean_similarity", ascending=False, kind="stable"
    )
    places = np.linspace(0, len(ordered) - 1, config.n_shown).round().astype(int)
    kept = ["family", "kind", "mean_similarity", "spread_decoder", "frequency", "stability"]
    rows = []
    for row in ordered.iloc[places].to_dict("records"):
        members = found.latents[found.latents[f"family_{rule}"] == row["family"]]
        names, latents = members["run"].tolist(), members["latent"].tolist()
        contexts = found.contexts[found.contexts["family"] == row["family"]]
        rows.append(
            {key: row[key] for key in kept}
            | {"members": dict(zip(names, latents, strict=True))}
            | {"contexts": [_context(one, names) for one in contexts.to_dict("records")]}
        )
    return rows


def _context(one: dict[Any, Any], runs: list[str]) -> dict[str, Any]:
    tokens, centre = one["tokens"], one["centre"]
    return {
        "document": one["document"],
        "before": "".join(tokens[:centre]),
        "token": tokens[centre],
        "after": "".join(tokens[centre + 1 :]),
        "code_over_largest": dict(zip(runs, one["codes"], strict=True)),
    }


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parent / "results/shipped_families"
    parser.add_argument("--out", type=Path, default=default)
    out = parser.parse_args().out
    store = out.with_name(f"{out.name}.pairs")
    summary = run(Config(), out, store=store)
    shutil.rmtree(store)
    print(summary["families"], summary["widths"], sep="\n")
    print((out / "families.json").read_text())


if __name__ == "__main__":
    main()
