"""From a trainer at its end to the folder of its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activations.cache import read_activations
from universality.dictionary import Dictionary, Firing, RunKey
from universality.saving import save
from universality.training.evaluation import Evaluation, evaluate
from universality.training.record import make_record, write_record
from universality.training.trainer import Trainer

_EVALUATED = 262_144
_EVALUATION_BATCH = 4096


def write_run(
    trainer: Trainer, folder: Path, depends_on: Mapping[str, Any], *, weights_dtype: torch.dtype
) -> None:
    """Weights in SAELens format, firing rates on the last rows shown, and the record.

    The folder must be empty.
    """
    dictionary = named(trainer, weights_dtype)
    last = evaluate(dictionary, _last_shown(trainer))
    firing = Firing(last.frequency.float(), "the last tokens of training")
    record = make_record(trainer, depends_on, last, _held_out(trainer, dictionary))
    metadata = run_metadata(trainer) | {
        "order_sha256": record.order_sha256, "training_digest": record.digest
    }  # fmt: skip
    save(replace(dictionary, firing=firing), folder, overwrite=True, metadata=metadata)
    device = next(iter(trainer.parameters.values())).device
    write_record(folder, record, seconds=trainer.seconds, device=str(device))


def named(trainer: Trainer, dtype: torch.dtype) -> Dictionary:
    """The present weights in that number format, with the key of the run."""
    dictionary = trainer.dictionary()
    tensors = {
        name: tensor.to(dtype)
        for name in ("W_enc", "W_dec", "b_enc", "b_dec")
        if (tensor := getattr(dictionary, name)) is not None
    }
    meta = trainer.data.cache.meta
    key = RunKey(
        model_name=meta.model_name,
        hook_name=meta.hook_name,
        d_sae=trainer.settings.d_sae,
        seed=trainer.settings.init_seed,
        step=trainer.step,
        dataset=f"text sha256 {meta.text_sha256}",
    )
    return replace(dictionary, key=key, **tensors)


def run_metadata(trainer: Trainer) -> dict[str, object]:
    """What SAELens' metadata has a place for, and the seeds under their own names."""
    return {
        "context_size": trainer.data.cache.meta.context,
        "init_seed": trainer.settings.init_seed,
        "order_seed": trainer.settings.order_seed,
    }


def _last_shown(trainer: Trainer) -> Iterator[Float[Tensor, "n_tokens d_in"]]:
    settings, shown = trainer.settings, trainer.n_tokens
    n_rows = len(trainer.data.split.training)
    wanted = min(_EVALUATED, n_rows, max(settings.batch_size, shown // 10))
    yield from _batches(trainer, trainer.presentations.between(shown - wanted, shown))


def _held_out(trainer: Trainer, dictionary: Dictionary) -> Evaluation | None:
    rows = trainer.data.split.held_out
    return evaluate(dictionary, _batches(trainer, rows)) if len(rows) > 1 else None


def _batches(trainer: Trainer, rows: Tensor) -> Iterator[Float[Tensor, "n_tokens d_in"]]:
    for part in torch.split(rows, _EVALUATION_BATCH):
        yield read_activations(trainer.data.cache, part)
