"""One seed for the autoencoders of two models makes features look universal that nobody learned.

    python -m analysis.same_seed --work WORK --out analysis/results/same_seed

A published study finds that 99 % of features match across independently trained models (McCann
2026, arXiv:2605.24577). Its code trains the autoencoder of every model with seed 0
(JordanMcCann/polymorphism-is-rotation at 483a40a9, `pythia_rotation.py`; the published checkpoints
were not looked at). Here two "models" hold the same planted features in two independent random
bases, so no direction of the one is near any of the other but by chance; autoencoders of one seed
and of two are trained on both by this package's own trainer and compared. Writes `pairs.csv` and
`answers.json` (what the comparison says first, and whether it is valid).
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch

from universality.activations.formats.detection import open_activations
from universality.comparison import Policy, compare
from universality.nulls.isotropic import exceedance, mean_of_maximum
from universality.nulls.rotation import haar
from universality.results import Comparison
from universality.storage.json_output import write_json
from universality.synthetic import draw_tokens, make_truth
from universality.training.architectures import ReLURecipe
from universality.training.runs import train
from universality.training.settings import TrainingSettings

PAIRS = (
    ("two models, one seed", ("a", 0), ("b", 0)),
    ("two models, two seeds", ("a", 0), ("b", 1)),
    ("one model, two seeds", ("a", 0), ("a", 1)),
)
"""What is compared: for each autoencoder the model it was trained on, and its seed."""


@final
@dataclass(frozen=True)
class Settings:
    """What decides the table."""

    d: int = 64
    """Dimensions of both models."""
    n_features: int = 128
    """Planted features, the same in both."""
    d_sae: int = 512
    """Latents of each autoencoder."""
    n_tokens: int = 65_536
    """Tokens of each model, as many as the study has."""
    steps: tuple[int, ...] = (600, 4000)
    """Steps of training; the study takes 4,000."""
    batch_size: int = 256
    """Tokens per step."""
    learning_rate: float = 5e-4
    """The study's."""
    l1: float = 0.01
    """Weight of the sum of codes."""


def run(work: Path, out: Path, settings: Settings) -> None:
    """Train, compare, write; finished runs in `work` are used again."""
    caches = _caches(work, settings)
    rows, answers = [], {}
    for steps in settings.steps:
        runs = {
            (model, seed): _trained(caches[model], work / f"{model}-{steps}", seed, steps, settings)
            for model in caches
            for seed in (0, 1)
        }
        for name, a, b in PAIRS:
            policy = Policy(n_draws=2, nulls=("geometry", "isotropic"))
            found = compare(runs[a], runs[b], policy)
            rows.append({"pair": name, "steps": steps} | _numbers(found))
            answers[f"{name}, {steps} steps"] = {
                "validity": found.summary["validity"],
                "answer": found.summary["answer"][:2],
            }
    chance = {
        "pair": "chance: isotropic rows, closed form",
        "mean_best_cosine": mean_of_maximum(settings.d, settings.d_sae),
        "share_above_0.5": float(exceedance(0.5, settings.d, settings.d_sae)),
        "same_number": 1 / settings.d_sae,
    }
    table = pd.DataFrame([*rows, chance])
    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "pairs.csv", index=False, float_format="%.4f")
    write_json(answers, out / "answers.json")
    command = "python -m analysis.same_seed --work WORK --out analysis/results/same_seed"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    print(table.to_string(index=False, float_format="%.3f"))


def _caches(work: Path, settings: Settings) -> dict[str, Path]:
    """Tokens of one world of features, in two bases that are independent of each other."""
    work.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    truth = make_truth(settings.n_features, settings.d, generator=generator)
    x = draw_tokens(truth, settings.n_tokens, generator=generator, noise=0.01).x
    places = {}
    for number, model in enumerate(("a", "b")):
        basis = haar(settings.d, generator=torch.Generator().manual_seed(10 + number))
        places[model] = work / f"model-{model}.npy"
        if not places[model].exists():
            np.save(places[model], (x @ basis.float()).numpy().astype(np.float32))
    return places


def _trained(cache: Path, folder: Path, seed: int, steps: int, settings: Settings) -> Path:
    recipe = TrainingSettings(
        d_sae=settings.d_sae,
        architecture=ReLURecipe(settings.l1),
        init_seed=seed,
        order_seed=seed,
        n_tokens=steps * settings.batch_size,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        held_out=0.0,
    )
    return train(open_activations(cache, rows="all"), recipe, folder)[0]


def _numbers(found: Comparison) -> dict[str, Any]:
    latents = found.latents_a
    near = latents["nearest_similarity_decoder"].to_numpy()
    same = latents["nearest_decoder"].to_numpy() == latents["latent"].to_numpy()
    return {
        "mean_best_cosine": float(near.mean()),
        "share_above_0.5": float((near > 0.5).mean()),
        "same_number": float(same.mean()),
        "valid": found.summary["validity"]["valid"],
    }


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    run(given.work, given.out, Settings())


if __name__ == "__main__":
    main()
