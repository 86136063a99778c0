"""Runs over seeds and widths, each a folder that is whole or resumable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from universality.activations.cache import ActivationCache, read_activations
from universality.dictionary import Dictionary, Firing, RunKey
from universality.errors import InvalidInputError
from universality.saving import save
from universality.storage.staging import staged_folder
from universality.training.evaluation import evaluate
from universality.training.inputs import InputStatistics, Presentations, input_statistics
from universality.training.record import make_record, write_record
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer

_HISTORY_POINTS = 100
_SAVE_EVERY = 500_000
_EVALUATED = 262_144
_EVALUATION_BATCH = 4096


def train(
    cache: ActivationCache,
    runs: Sequence[TrainingSettings],
    out: Path,
    *,
    weights_dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> list[Path]:
    """The folders of the runs, `<out>/w<d_sae>-s<seed>`, trained one after another.

    A finished folder is left as it is. A run that was interrupted goes on from its last saved
    state, in `<out>/.<name>.unfinished`, to the same weights.

    Raises:
        InvalidInputError: two runs have one name, or the cache has fewer rows than a batch.
        FormatError: an unfinished run there has other settings.
    """
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"two runs have the same width and seeds: {', '.join(names)}")
    statistics = input_statistics(cache)
    return [
        _train_one(
            cache,
            statistics,
            run,
            out / run.name,
            weights_dtype=weights_dtype,
            device=device,
            progress=progress,
        )
        for run in runs
    ]


def _train_one(
    cache: ActivationCache,
    statistics: InputStatistics,
    settings: TrainingSettings,
    folder: Path,
    *,
    weights_dtype: torch.dtype,
    device: torch.device | str,
    progress: bool,
) -> Path:
    if (folder / "training_record.json").is_file():
        return folder
    if settings.batch_size > len(cache):
        raise InvalidInputError(
            f"--batch-size {settings.batch_size} exceeds the {len(cache)} tokens of {cache.path}"
        )
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    trainer = Trainer(settings, cache, statistics, device=device)
    unfinished.mkdir(parents=True, exist_ok=True)
    if (unfinished / "state.pt").is_file():
        trainer.restore(unfinished / "state.pt")
    _run_to_end(trainer, cache, unfinished, weights_dtype=weights_dtype, progress=progress)
    _save_final(trainer, cache, unfinished, folder, weights_dtype)
    shutil.rmtree(unfinished)
    return folder


def _run_to_end(
    trainer: Trainer,
    cache: ActivationCache,
    unfinished: Path,
    *,
    weights_dtype: torch.dtype,
    progress: bool,
) -> None:
    settings = trainer.settings
    noted = _marks(settings.n_steps, _HISTORY_POINTS)
    checkpoints = _marks(settings.n_steps, settings.checkpoints)
    saved = {*range(0, settings.n_steps, -(-_SAVE_EVERY // settings.batch_size)), settings.n_steps}
    with tqdm(
        total=settings.n_steps, initial=trainer.step, desc=settings.name, disable=not progress
    ) as bar:
        while not trainer.finished:
            trainer.advance()
            bar.update()
            if trainer.step in noted:
                bar.set_postfix(fvu=f"{trainer.note_progress().fvu:.4f}")
            if trainer.step in checkpoints:
                where = unfinished / "checkpoints" / str(trainer.n_tokens)
                save(_named(trainer, cache, weights_dtype), where, overwrite=True)
            if trainer.step in saved:
                trainer.save(unfinished / "state.pt")


def _save_final(
    trainer: Trainer,
    cache: ActivationCache,
    unfinished: Path,
    folder: Path,
    weights_dtype: torch.dtype,
) -> None:
    dictionary = _named(trainer, cache, weights_dtype)
    final = evaluate(dictionary, _last_shown(trainer.settings, cache))
    firing = Firing(final.frequency.float(), "the last tokens of training")
    with staged_folder(folder) as staged:
        save(replace(dictionary, firing=firing), staged, overwrite=True)
        write_record(staged / "training_record.json", make_record(trainer, cache, final))
        if (unfinished / "checkpoints").is_dir():
            shutil.copytree(unfinished / "checkpoints", staged / "checkpoints")


def _last_shown(
    settings: TrainingSettings, cache: ActivationCache
) -> Iterator[Float[Tensor, "n_tokens d_in"]]:
    shown = settings.n_steps * settings.batch_size
    presentations = Presentations(
        len(cache), batch_size=settings.batch_size, order_seed=settings.order_seed
    )
    wanted = min(_EVALUATED, len(cache), max(settings.batch_size, shown // 10))
    rows = presentations.between(shown - wanted, shown)
    for part in torch.split(rows, _EVALUATION_BATCH):
        yield read_activations(cache, part)


def _named(trainer: Trainer, cache: ActivationCache, dtype: torch.dtype) -> Dictionary:
    dictionary = trainer.dictionary()
    tensors = {
        name: getattr(dictionary, name).to(dtype) for name in ("W_enc", "W_dec", "b_enc", "b_dec")
    }
    key = RunKey(
        model_name=cache.meta.model_name,
        hook_name=cache.meta.hook_name,
        d_sae=trainer.settings.d_sae,
        seed=trainer.settings.init_seed,
        step=trainer.step,
    )
    return replace(dictionary, key=key, **tensors)


def _marks(n_steps: int, points: int) -> set[int]:
    return {-(-n_steps * point // points) for point in range(1, points + 1)}


def widths(
    d_in: int, *, expansion: Sequence[int] | None = None, widths: Sequence[int] | None = None
) -> list[int]:
    """Widths from multiples of d_in (4 when nothing is given), or as they are.

    Raises:
        InvalidInputError: both are given, or a width is below 1.
    """
    if expansion is not None and widths is not None:
        raise InvalidInputError("give either --expansion or --width, not both")
    chosen = [d_in * factor for factor in expansion or [4]] if widths is None else list(widths)
    if min(chosen) < 1:
        raise InvalidInputError(f"--expansion and --width must be at least 1, got {min(chosen)}")
    return chosen


def describe(folder: Path) -> str:
    """A line on a finished run: its folder and its main figures."""
    record = json.loads((folder / "training_record.json").read_text())
    return (
        f"{folder}: FVU {record['fvu']:.4f}, L0 {record['l0']:.1f}, dead "
        f"{record['dead_fraction']:.2%}, {record['n_presentations']:,} tokens in "
        f"{record['seconds']:.0f} s"
    )


def grid(
    base: TrainingSettings,
    *,
    widths: Sequence[int],
    seeds: Sequence[int],
    order_seeds: Sequence[int] | None = None,
) -> list[TrainingSettings]:
    """The settings of each width with each seed.

    `order_seeds` go with `seeds` one to one and default to them.

    Raises:
        InvalidInputError: the lists of seeds differ in length.
    """
    order_seeds = seeds if order_seeds is None else order_seeds
    if len(order_seeds) != len(seeds):
        raise InvalidInputError(
            f"--order-seeds needs one per seed: {len(seeds)} seeds, {len(order_seeds)} order seeds"
        )
    return [
        replace(base, d_sae=width, init_seed=seed, order_seed=order)
        for width in widths
        for seed, order in zip(seeds, order_seeds, strict=True)
    ]
