"""What the shipped dictionaries have in common: three seeds, three widths, families with contexts.

    python -m analysis.shipped_families

Three independent seeds of one width, and two narrower runs, on layer 8 of SmolLM2-135M, with the
held-out sample of activations that ships beside them. Families are shown at even steps of their
members' similarity, from the most to the least alike: nobody chose them. Results go to
`analysis/results/shipped_families/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from universality.activations.cache import ActivationCache, open_cache
from universality.activations.contexts import contexts
from universality.comparison.policy import Policy
from universality.dictionary import Dictionary
from universality.encoding.streaming import encode
from universality.families.many_runs import stability
from universality.loading import load
from universality.results import Stability, write_json
from universality.shipped import shipped_folder


@dataclass(frozen=True)
class Config:
    """The choices of the study."""

    runs: tuple[str, ...] = ("w2304-s0", "w2304-s1", "w2304-s2", "w1152-s0", "w576-s0")
    """Shipped runs; `w2304-s0-order1` starts from the weights of `w2304-s0` and is left out."""
    n_draws: int = 2
    """Draws of the null."""
    n_shown: int = 5
    """Families to show with their contexts."""
    n_contexts: int = 3
    """Contexts of each."""
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
    summary["stability_by_frequency"] = _by_frequency(found)
    out.mkdir(parents=True, exist_ok=True)
    write_json(summary, out / "summary.json")
    write_json(_shown(config, found, runs, cache), out / "families.json")
    if found.widths is not None:
        found.widths.flow.to_csv(out / "flow.csv", index=False)
    return summary


def _by_frequency(found: Stability) -> list[dict[str, float]]:
    """Mean stability of the latents in five classes of firing frequency, rarest first."""
    column = f"stability_{found.summary['headline_rule']}"
    latents = found.latents.dropna(subset=[column, "frequency"])
    classes = pd.qcut(latents["frequency"], 5, duplicates="drop")
    means = latents.groupby(classes, observed=True)[["frequency", column]].mean()
    return [
        {"mean_frequency": float(frequency), "mean_stability": float(value)}
        for frequency, value in means.itertuples(index=False)
    ]


def _shown(
    config: Config, found: Stability, runs: list[Dictionary], cache: ActivationCache
) -> list[dict[str, Any]]:
    rule = found.summary["headline_rule"]
    families = found.families[found.families["view"] == rule]
    everywhere = families[families["n_runs"] == found.summary["n_runs"]]
    firing = everywhere[everywhere["frequency"] * len(cache) >= config.fewest_tokens]
    ordered = firing.sort_values("mean_similarity", ascending=False, kind="stable")
    places = np.linspace(0, len(ordered) - 1, config.n_shown).round().astype(int)
    codes = {name: encode(one, cache) for name, one in zip(config.runs, runs, strict=True)}
    kept = ["family", "kind", "mean_similarity", "spread_decoder", "frequency", "stability"]
    shown = []
    for row in ordered.iloc[places].to_dict("records"):
        members = found.latents[found.latents[f"family_{rule}"] == row["family"]]
        shown.append(
            {key: row[key] for key in kept}
            | {"members": dict(zip(members["run"], members["latent"].tolist(), strict=True))}
            | {"contexts": _contexts(config, codes, members, cache)}
        )
    return shown


def _contexts(
    config: Config, codes: dict[str, Any], members: pd.DataFrame, cache: ActivationCache
) -> list[dict[str, Any]]:
    """The tokens on which the family fires most, each member scaled to a largest code of one."""
    rows = []
    for run_name, latent in zip(members["run"], members["latent"], strict=True):
        code = np.concatenate([chunk[[latent]].toarray()[0] for chunk in codes[run_name].chunks])
        rows.append(code / max(code.max(), 1e-9))
    strongest = np.argsort(-np.mean(rows, axis=0), kind="stable")[: config.n_contexts]
    found = contexts(cache, torch.from_numpy(strongest), before=12, after=6)
    return [
        {
            "document": one.document,
            "before": "".join(one.strings[: one.centre]),
            "token": one.strings[one.centre],
            "after": "".join(one.strings[one.centre + 1 :]),
            "code_over_largest": {
                name: round(float(code[row]), 2)
                for name, code in zip(members["run"], rows, strict=True)
            },
        }
        for row, one in zip(strongest, found, strict=True)
    ]


def main() -> None:
    """Run the study from the command line."""
    out = Path(__file__).parent / "results/shipped_families"
    summary = run(Config(), out, store=out.with_name("shipped_families.pairs"))
    print(summary["families"], summary["widths"], sep="\n")
    print((out / "families.json").read_text())


if __name__ == "__main__":
    main()
