"""From a trainer at its end to the folder of its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import ActivationFunction, Gated, JumpReLU
from universality.dictionary import Dictionary, Firing, RunKey
from universality.saving import save
from universality.training.calibration import calibrated
from universality.training.evaluation import Evaluation, evaluate_pairs
from universality.training.record import make_record, write_record
from universality.training.trainer import Trainer

_EVALUATED = 262_144
_EVALUATION_BATCH = 4096
_CALIBRATED = 16_384

Pair: TypeAlias = tuple[Float[Tensor, "n_tokens d_in"], Float[Tensor, "n_tokens d_out"]]
"""Tokens to read, and tokens to reconstruct."""


def write_run(
    trainer: Trainer, folder: Path, depends_on: Mapping[str, Any], *, weights_dtype: torch.dtype
) -> None:
    """Weights in SAELens format, firing rates on the last rows shown, and the record.

    The folder must be empty.
    """
    dictionary = named(trainer, weights_dtype)
    last = evaluate_pairs(dictionary, _last_shown(trainer))
    firing = Firing(last.frequency.float(), "the last tokens of training")
    record = make_record(trainer, depends_on, last, _on_held_out(trainer, dictionary))
    metadata = run_metadata(trainer) | {
        "order_sha256": record.order_sha256, "training_digest": record.digest
    }  # fmt: skip
    save(replace(dictionary, firing=firing), folder, overwrite=True, metadata=metadata)
    device = next(iter(trainer.parameters.values())).device
    write_record(folder, record, seconds=trainer.seconds, device=str(device))


def named(trainer: Trainer, dtype: torch.dtype) -> Dictionary:
    """The present weights in that number format, with the key of the run.

    A threshold that takes the place of a budget is calibrated on half of the held-out tokens, or
    where none are held out on the last ones shown.
    """
    dictionary = trainer.dictionary()
    tensors = {
        name: tensor.to(dtype)
        for name in ("W_enc", "W_dec", "b_enc", "b_dec")
        if (tensor := getattr(dictionary, name)) is not None
    }
    dictionary = replace(dictionary, activation_fn=in_format(dictionary.activation_fn, dtype))
    dictionary = replace(dictionary, **tensors)
    l0 = trainer.settings.architecture.calibrated_l0
    if l0 is not None:
        dictionary = calibrated(dictionary, l0, _for_calibration(trainer))
    meta = trainer.data.cache.meta
    key = RunKey(
        model_name=meta.model_name,
        hook_name=meta.hook_name,
        d_sae=trainer.settings.d_sae,
        seed=trainer.settings.init_seed,
        step=trainer.step,
        dataset=f"text sha256 {meta.text_sha256}",
    )
    return replace(dictionary, key=key)


def in_format(rule: ActivationFunction, dtype: torch.dtype) -> ActivationFunction:
    """The rule with its tensors in that number format."""
    match rule:
        case JumpReLU(threshold):
            return JumpReLU(threshold.to(dtype))
        case Gated(b_gate, r_mag, b_mag):
            return Gated(b_gate.to(dtype), r_mag.to(dtype), b_mag.to(dtype))
        case _:
            return rule


def run_metadata(trainer: Trainer) -> dict[str, object]:
    """What SAELens' metadata has a place for, and the seeds under their own names."""
    return {
        "context_size": trainer.data.cache.meta.context,
        "init_seed": trainer.settings.init_seed,
        "order_seed": trainer.settings.order_seed,
    }


def _last_shown(trainer: Trainer) -> Iterator[Pair]:
    settings, shown = trainer.settings, trainer.n_tokens
    n_rows = len(trainer.data.split.training)
    wanted = min(_EVALUATED, n_rows, max(settings.batch_size, shown // 10), shown)
    yield from _batches(trainer, trainer.presentations.between(shown - wanted, shown))


def _on_held_out(trainer: Trainer, dictionary: Dictionary) -> Evaluation | None:
    # Where a threshold was calibrated on half of these tokens, the other half judges it.
    rows = trainer.data.split.held_out
    if trainer.settings.architecture.calibrated_l0 is not None:
        rows = rows[len(rows) // 2 :]
    return evaluate_pairs(dictionary, _batches(trainer, rows)) if len(rows) > 1 else None


def _for_calibration(trainer: Trainer) -> Iterator[Float[Tensor, "n_tokens d_in"]]:
    rows = trainer.data.split.held_out
    rows = rows[: len(rows) // 2]
    if not len(rows):
        shown = trainer.n_tokens
        rows = trainer.presentations.between(max(0, shown - _CALIBRATED), shown)
    for x, _ in _batches(trainer, rows):
        yield x


def _batches(trainer: Trainer, rows: Tensor) -> Iterator[Pair]:
    data = trainer.data
    for part in torch.split(rows, _EVALUATION_BATCH):
        x = data.source.raw(part)
        yield x, data.target.raw(part) if data.transcodes else x
