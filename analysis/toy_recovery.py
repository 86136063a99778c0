"""Which toy autoencoders find the features, and what resampling has to do with it.

Run as `python -m analysis.toy_recovery --out analysis/results/toy_recovery`.

Five features in two dimensions, 16 autoencoders of 20,000 steps, three seeds; untied ReLU without
resampling is the negative control. Writes `recovery.csv`, a row for each run, and `medians.csv`,
the medians over seeds.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd
from tqdm import tqdm

from universality.storage.json_output import write_json
from universality.toy.experiment import ToySettings, toy_experiment

CELLS = (
    ("relu", "none"),
    ("relu", "simple"),
    ("relu", "advanced"),
    ("tied", "none"),
    ("gated", "advanced"),
    ("jumprelu", "advanced"),
)
"""Architecture and resampling."""

_KEPT = (
    "instances_recovered",
    "features_recovered_fraction",
    "dead_fraction",
    "active_latents",
    "resampled",
    "fvu",
)


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the toy model and of all chance."""
    instances: int = 16
    """Autoencoders of each run."""
    steps: int = 20_000
    """Steps of each."""
    model_steps: int = 10_000
    """Steps of the toy model."""


def run(out: Path, settings: Settings) -> None:
    """Train every cell and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    cells = [(cell, seed) for cell in CELLS for seed in settings.seeds]
    for (architecture, resample), seed in tqdm(cells, "cells"):
        found = toy_experiment(
            ToySettings(
                architecture=architecture,
                resample=resample,
                instances=settings.instances,
                steps=settings.steps,
                model_steps=settings.model_steps,
                seed=seed,
            )
        )
        summary = found.result.summary
        row = {"architecture": architecture, "resample": resample, "seed": seed}
        rows.append(row | {name: summary[name] for name in _KEPT})
        pd.DataFrame(rows).to_csv(out / "recovery.csv", index=False, float_format="%.4f")
    medians = (
        pd.DataFrame(rows)
        .groupby(["architecture", "resample"], sort=False)[list(_KEPT)]
        .median()
        .reset_index()
    )
    medians.to_csv(out / "medians.csv", index=False, float_format="%.4f")
    command = "python -m analysis.toy_recovery --out analysis/results/toy_recovery"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    print(medians.to_string(index=False))


def main() -> None:
    """The study, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("analysis/results/toy_recovery"))
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
