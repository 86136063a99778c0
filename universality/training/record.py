"""What a finished run says of itself, beside its weights in `training_record.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

from universality.activations.cache import ActivationCache
from universality.training.evaluation import Evaluation
from universality.training.trainer import Progress, Trainer

SCHEMA = "universality.training_record/1"


@final
@dataclass(frozen=True)
class TrainingRecord:
    """Settings and outcome of one run."""

    settings: dict[str, object]
    """Every field of `TrainingSettings`."""
    cache_sha256: str
    """Hash of the activations it was trained on."""
    text_sha256: str
    """Hash of the texts they came from."""
    n_unique_tokens: int
    """Rows of that cache."""
    n_presentations: int
    """Tokens shown, repetitions included."""
    seconds: float
    """Wall time spent in steps, pauses of the process included."""
    fvu: float
    """Fraction of variance unexplained by the saved weights, over the last rows shown."""
    l0: float
    """Active latents per token there."""
    dead_fraction: float
    """Fraction of latents active on none of them."""
    n_evaluated: int
    """How many rows those are."""
    history: tuple[Progress, ...]
    """A hundred evenly spaced points."""


def make_record(trainer: Trainer, cache: ActivationCache, final: Evaluation) -> TrainingRecord:
    """The record of a finished run."""
    return TrainingRecord(
        settings=asdict(trainer.settings),
        cache_sha256=cache.meta.sha256,
        text_sha256=cache.meta.text_sha256,
        n_unique_tokens=len(cache),
        n_presentations=trainer.n_tokens,
        seconds=round(trainer.seconds, 1),
        fvu=final.fvu,
        l0=final.l0,
        dead_fraction=final.dead_fraction,
        n_evaluated=final.n_tokens,
        history=tuple(trainer.history),
    )


def write_record(path: Path, record: TrainingRecord) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps({"schema": SCHEMA} | asdict(record), indent=1) + "\n")
