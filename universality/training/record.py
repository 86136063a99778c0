"""What a finished run says of itself, beside its weights in `training_record.json`."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import torch

from universality.intake.json_files import read_mapping
from universality.storage.dependencies import digest
from universality.training.evaluation import Evaluation
from universality.training.start import start_parameters
from universality.training.trainer import Progress, Trainer

SCHEMA = "universality.training_record/2"
RECORD = "training_record.json"
ENVIRONMENT = "training_environment.json"


@final
@dataclass(frozen=True)
class HeldOut:
    """The saved weights on tokens that training never saw."""

    n_tokens: int
    """How many."""
    fvu: float
    """Fraction of variance unexplained."""
    l0: float
    """Active latents per token."""
    dead_fraction: float
    """Fraction of latents active on none of them."""


@final
@dataclass(frozen=True)
class TrainingRecord:
    """Settings and outcome of one run: a function of the settings and the cache alone."""

    settings: dict[str, object]
    """Every field of `TrainingSettings`, those of the architecture among them."""
    depends_on: dict[str, object]
    """Settings, number formats, cache and trainer: what decides the weights."""
    digest: str
    """Sha256 over `depends_on`."""
    cache_sha256: str
    """Hash of the activations it was trained on."""
    text_sha256: str
    """Hash of the texts they came from."""
    order_sha256: str
    """Hash of the numbers of the rows shown, in order."""
    n_unique_tokens: int
    """Rows of that cache that were shown."""
    n_presentations: int
    """Tokens shown, repetitions included."""
    mean_cosine_to_start: float
    """Mean cosine of the decoder rows with their start: near 1, hardly trained."""
    fvu: float
    """Fraction of variance unexplained by the saved weights, over the last rows shown."""
    l0: float
    """Active latents per token there."""
    dead_fraction: float
    """Fraction of latents active on none of them."""
    n_evaluated: int
    """How many rows those are."""
    held_out: HeldOut | None
    """The same on rows that were never shown; None where none were kept."""
    history: tuple[Progress, ...]
    """A hundred evenly spaced points."""


def make_record(
    trainer: Trainer,
    depends_on: Mapping[str, Any],
    final: Evaluation,
    held_out: Evaluation | None,
) -> TrainingRecord:
    """The record of a finished run."""
    meta = trainer.data.cache.meta
    return TrainingRecord(
        settings=trainer.settings.as_record(),
        depends_on=dict(depends_on),
        digest=digest(depends_on),
        cache_sha256=meta.sha256,
        text_sha256=meta.text_sha256,
        order_sha256=trainer.presentations.sha256(trainer.n_tokens),
        n_unique_tokens=min(len(trainer.data.split.training), trainer.n_tokens),
        n_presentations=trainer.n_tokens,
        mean_cosine_to_start=_mean_cosine_to_start(trainer),
        fvu=final.fvu,
        l0=final.l0,
        dead_fraction=final.dead_fraction,
        n_evaluated=final.n_tokens,
        held_out=None if held_out is None else _held_out(held_out),
        history=tuple(trainer.history),
    )


def write_record(folder: Path, record: TrainingRecord, *, seconds: float, device: str) -> None:
    """Write it as JSON, and what differs from machine to machine into a file beside it."""
    _write(folder / RECORD, {"schema": SCHEMA} | asdict(record))
    environment = {
        "seconds": round(seconds, 1),
        "device": device,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "processor": platform.processor() or platform.machine(),
    }
    _write(folder / ENVIRONMENT, environment)


def read_record(folder: Path) -> dict[str, Any]:
    """The record of the finished run in a folder, as it was written."""
    return read_mapping(folder / RECORD)


def _held_out(found: Evaluation) -> HeldOut:
    return HeldOut(found.n_tokens, found.fvu, found.l0, found.dead_fraction)


def _mean_cosine_to_start(trainer: Trainer) -> float:
    start = trainer.settings.architecture.dictionary(
        start_parameters(trainer.settings, trainer.space)
    )
    pair = (start.W_dec.double(), trainer.dictionary().W_dec.double())
    return float(torch.nn.functional.cosine_similarity(*pair, dim=1).mean())


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
