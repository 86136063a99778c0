"""Does agreement between runs imply truth? Where the features are known, it can be seen.

Run as `python -m analysis.toy_agreement --out analysis/results/toy_agreement`.

Toy autoencoders over architectures, resampling, sparsity and kinds of features. For each: how much
of the truth an instance finds (ground-truth recovery), how alike two instances are (mean cosine of
matched pairs, PW), and how many of an instance's latents another has at a cosine above .99. With
two correlated features, which are always present together, the cheapest latent is their sum: what
all instances find then is no feature. Writes `agreement.csv`.

In two dimensions chance is near 1: five unrelated latents a side match at a mean cosine of `chance`
(the isotropic null of the same sizes), so what counts is the distance from 1 and not from 0.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from universality.dictionary import Dictionary
from universality.matching import match
from universality.storage.json_output import write_json
from universality.toy.experiment import RECOVERED, ToyExperiment, ToySettings, toy_experiment

_CHANCE_DRAWS = 500


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    instances: int = 6
    """Autoencoders of each world."""
    steps: int = 8_000
    """Steps of each."""
    model_steps: int = 5_000
    """Steps of each toy model."""
    seed: int = 0
    """Seed of everything."""


def worlds(settings: Settings) -> dict[str, ToySettings]:
    """The settings compared, by name."""
    base = ToySettings(
        instances=settings.instances,
        steps=settings.steps,
        model_steps=settings.model_steps,
        seed=settings.seed,
    )
    found = {
        f"{architecture}, {resample}": replace(base, architecture=architecture, resample=resample)
        for architecture in ("relu", "tied", "gated", "jumprelu")
        for resample in ("none", "advanced")
    }
    for coefficient in (0.02, 0.5, 1.0):
        name = f"relu, advanced, coefficient {coefficient:g}"
        found[name] = replace(base, resample="advanced", coefficient=coefficient)
    apart = replace(
        base, features=8, hidden=8, resample="advanced", probability=0.05, coefficient=0.03
    )
    for pairs in (0, 1, 4):
        found[f"8 features in 8 dimensions, {pairs} always together"] = replace(
            apart, correlated_pairs=pairs
        )
    found["8 features in 8 dimensions, 4 never together"] = replace(apart, anticorrelated_pairs=4)
    return found


def run(out: Path, settings: Settings) -> None:
    """Train every world and write the table into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, world in tqdm(worlds(settings).items(), "worlds"):
        rows.append({"world": name} | _row(toy_experiment(world), world))
        table = pd.DataFrame(rows)
        table.to_csv(out / "agreement.csv", index=False, float_format="%.4f")
    command = "python -m analysis.toy_agreement --out analysis/results/toy_agreement"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    print(table.round(3).to_string(index=False))


def _row(found: ToyExperiment, world: ToySettings) -> dict[str, Any]:
    truth = [_cosines(found.truth, run) for run in found.instances]
    between = [_cosines(a, b) for a, b in combinations(found.instances, 2)]
    return {
        "truth_mean_cosine": float(np.mean([c.mean() for c in truth])),
        "features_recovered": found.result.summary["features_recovered_fraction"],
        "agreement_mean_cosine": float(np.mean([c.mean() for c in between])),
        "latents_shared": float(np.mean([(c > RECOVERED).mean() for c in between])),
        "chance": _chance(world.latents or world.features, world.hidden, world.seed),
        "dead": found.result.summary["dead_fraction"],
        "fvu": found.result.summary["fvu"],
    }


def _cosines(a: Dictionary, b: Dictionary) -> np.ndarray:
    return np.asarray(match(a.W_dec, b.W_dec).similarity)


def _chance(n: int, d: int, seed: int) -> float:
    """Mean cosine of matched pairs of unrelated rows."""
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(_CHANCE_DRAWS, 2, n, d, generator=generator)
    means = [float(np.mean(np.asarray(match(a, b).similarity))) for a, b in draws]
    return float(np.mean(means))


def main() -> None:
    """The study, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("analysis/results/toy_agreement"))
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
