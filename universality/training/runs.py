"""Runs over seeds and widths, each a folder that is whole or resumable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from universality.activations.cache import CACHE, ActivationCache
from universality.activations.formats.detection import as_cache
from universality.errors import InvalidInputError, OutputError
from universality.saving import save
from universality.storage.claims import claimed
from universality.storage.dependencies import require_same
from universality.storage.owned import our_files, remove_if_empty, remove_ours
from universality.storage.recovery import recover
from universality.storage.staging import staged_folder
from universality.training.data import TrainingData, training_data
from universality.training.finish import named, run_metadata, write_run
from universality.training.identity import dependencies, noted
from universality.training.record import ENVIRONMENT, RECORD, read_record
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer
from universality.validation import DEVICE, FLAG, PATH, Is, Several, as_tuple, takes

_HISTORY_POINTS = 100
_SAVE_EVERY = 500_000
_STATE = "state.safetensors"


@takes(
    activations=CACHE,
    settings=Several(Is((TrainingSettings,), "TrainingSettings")),
    out=PATH,
    weights_dtype=Is((torch.dtype,), "a torch.dtype"),
    device=DEVICE,
    progress=FLAG,
)
def train(
    activations: ActivationCache | str | Path,
    settings: TrainingSettings | Sequence[TrainingSettings],
    out: str | Path,
    *,
    weights_dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
    progress: bool = False,
) -> list[Path]:
    """The folders of the runs, `<out>/w<d_sae>-s<seed>`, trained one after another.

    A finished folder is left as it is. A run that was interrupted goes on from its last saved
    state, in `<out>/.<name>.unfinished`, to the same weights.

    Args:
        activations: A cache, or where one lies, whichever library wrote it.
        settings: Of one run, or of several (`grid` makes those of all seeds and widths).
        out: Folder of the runs.
        weights_dtype: Of the weights that are saved.
        device: Where to train; the CPU if None.
        progress: Show a bar for each run.

    Raises:
        InvalidInputError: an argument does not fit, two runs have one name, or the cache has fewer
            rows than a batch.
        OutputError: a run there, finished or not, depends on other settings or another cache.
        FormatError: the state of an unfinished run is damaged.
    """
    out, runs, device = Path(out), as_tuple(settings), device or "cpu"
    cache = as_cache(activations)
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"two runs have the same width and seeds: {', '.join(names)}")
    needs = {
        run.name: dependencies(run, cache, weights_dtype=weights_dtype, device=device)
        for run in runs
    }
    for name in names:
        _check_finished(out / name, needs[name])
    data: dict[float, TrainingData] = {}
    folders = []
    for run in runs:
        folders.append(out / run.name)
        if _is_finished(out / run.name):
            _tidy(_unfinished(folders[-1]), run)
            continue
        if run.held_out not in data:
            data[run.held_out] = training_data(cache, held_out=run.held_out)
        trainer = Trainer(run, data[run.held_out], device=device)
        _check_batch(trainer)
        _train_one(
            trainer, folders[-1], needs[run.name], weights_dtype=weights_dtype, progress=progress
        )
    return folders


def _is_finished(folder: Path) -> bool:
    return (folder / RECORD).is_file()


def _check_finished(folder: Path, depends_on: Mapping[str, Any]) -> None:
    if _is_finished(folder):
        found = noted(read_record(folder), depends_on)
        require_same(found, depends_on, place=folder, holds="a run")
    elif folder.is_dir() and any(folder.iterdir()):
        raise OutputError(
            f"{folder}: exists, and holds no {RECORD}, so no run of this trainer; choose another "
            "--out, or move it away"
        )


def _check_batch(trainer: Trainer) -> None:
    size, n_rows = trainer.settings.batch_size, len(trainer.data.split.training)
    if size > n_rows:
        raise InvalidInputError(
            f"--batch-size {size} exceeds the {n_rows} tokens of {trainer.data.cache.path} that "
            "are trained on; lower it, or collect more"
        )


def _train_one(
    trainer: Trainer,
    folder: Path,
    depends_on: Mapping[str, Any],
    *,
    weights_dtype: torch.dtype,
    progress: bool,
) -> None:
    unfinished = _unfinished(folder)
    unfinished.mkdir(parents=True, exist_ok=True)
    with claimed(unfinished):
        if (unfinished / _STATE).is_file():
            trainer.restore(unfinished / _STATE, depends_on)
        _run_to_end(trainer, unfinished, depends_on, weights_dtype=weights_dtype, progress=progress)
        with staged_folder(folder) as staged:
            write_run(trainer, staged, depends_on, weights_dtype=weights_dtype)
            for made in _checkpoints(unfinished, trainer.settings):
                (staged / "checkpoints" / made.name).mkdir(parents=True)
                for file in our_files(made):
                    shutil.copy(made / file, staged / "checkpoints" / made.name / file)
        _remove_state(unfinished, trainer.settings)
    remove_if_empty(unfinished)


def _unfinished(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.unfinished")


def _tidy(unfinished: Path, settings: TrainingSettings) -> None:
    """Take away what a run left that was killed when it was already whole."""
    if unfinished.is_dir():
        with claimed(unfinished):
            _remove_state(unfinished, settings)
        remove_if_empty(unfinished)


def _run_to_end(
    trainer: Trainer,
    unfinished: Path,
    depends_on: Mapping[str, Any],
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
                _save_checkpoint(trainer, unfinished / "checkpoints", weights_dtype)
            if trainer.step in saved:
                trainer.save(unfinished / _STATE, depends_on)


def _save_checkpoint(trainer: Trainer, folder: Path, weights_dtype: torch.dtype) -> None:
    where = folder / str(trainer.n_tokens)
    if not where.is_dir():  # a resumed run would write the same bytes
        save(named(trainer, weights_dtype), where, metadata=run_metadata(trainer))


def _remove_state(unfinished: Path, settings: TrainingSettings) -> None:
    """Take away what this run wrote there, and nothing else."""
    (unfinished / _STATE).unlink(missing_ok=True)
    for made in _checkpoints(unfinished, settings):
        remove_ours(made)
    checkpoints = unfinished / "checkpoints"
    recover(checkpoints)
    remove_if_empty(checkpoints)


def _checkpoints(unfinished: Path, settings: TrainingSettings) -> list[Path]:
    """The folders of the dictionaries that were saved on the way."""
    steps = sorted(_marks(settings.n_steps, settings.checkpoints))
    folders = [unfinished / "checkpoints" / str(step * settings.batch_size) for step in steps]
    return [folder for folder in folders if folder.is_dir()]


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
    record = read_record(folder)
    unseen = record.get("held_out")
    seen = "" if unseen is None else f", on unseen tokens {unseen['fvu']:.4f}"
    return (
        f"{folder}: FVU {record['fvu']:.4f}{seen}, L0 {record['l0']:.1f}, dead "
        f"{record['dead_fraction']:.2%}, {record['n_presentations']:,} tokens{_took(folder)}"
    )


def _took(folder: Path) -> str:
    if not (folder / ENVIRONMENT).is_file():
        return ""
    return f" in {json.loads((folder / ENVIRONMENT).read_text())['seconds']:.0f} s"


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
