"""One run from its folder's point of view: finished, unfinished, diverged or still to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch

from universality.errors import OutputError
from universality.saving import save
from universality.storage.claims import claimed
from universality.storage.dependencies import read_note, require_same
from universality.storage.owned import our_files, remove_if_empty, remove_ours
from universality.storage.recovery import recover
from universality.storage.staged_files import staged_file
from universality.storage.staging import staged_folder
from universality.training.finish import named, run_metadata, write_run
from universality.training.identity import noted
from universality.training.record import RECORD, read_record
from universality.training.settings import TrainingSettings
from universality.training.state import read_state
from universality.training.trainer import DivergedError, Progress, Trainer

_HISTORY_POINTS = 100
_SAVE_EVERY = 500_000
_FEWEST_SAVES = 4
_STATE = "state.safetensors"
_DIVERGED = "diverged.json"

Watch = Callable[[Trainer, Progress | None], None]
"""Told of every step, and of the means where they were noted."""


@final
@dataclass(frozen=True)
class RunPlace:
    """Where a run lies, and what it depends on."""

    folder: Path
    """The finished run."""
    depends_on: Mapping[str, Any]
    """What decides its files."""
    weights_dtype: torch.dtype
    """Number format of the saved weights."""

    @property
    def unfinished(self) -> Path:
        """What is kept until it is finished."""
        return self.folder.with_name(f".{self.folder.name}.unfinished")

    @property
    def finished(self) -> bool:
        """Whether the run is there."""
        return (self.folder / RECORD).is_file()

    @property
    def diverged(self) -> str | None:
        """Why it was stopped; None unless it was."""
        found = read_note(self.unfinished / _DIVERGED)
        return None if found is None else str(found["reason"])

    def steps_done(self) -> int:
        """Steps of an unfinished run that are saved."""
        state = self.unfinished / _STATE
        if not state.is_file():
            return 0
        return int(read_state(state, torch.device("cpu")).content["step"])

    def check(self) -> None:
        """Nothing, when what is there already, if anything, is this run.

        Raises:
            OutputError: it depends on something else, or is no run; what differs is named.
            FormatError: the state of an unfinished run is damaged.
        """
        if self.finished:
            found = noted(read_record(self.folder), self.depends_on)
            require_same(found, self.depends_on, place=self.folder, holds="a run")
        elif self.folder.is_dir() and any(self.folder.iterdir()):
            raise OutputError(
                f"{self.folder}: exists, and holds no {RECORD}, so no run of this trainer; choose "
                "another --out, or move it away"
            )
        elif (self.unfinished / _STATE).is_file():
            state = read_state(self.unfinished / _STATE, torch.device("cpu"))
            self._require(state.content["depends_on"], "an unfinished run")
        if (stopped := read_note(self.unfinished / _DIVERGED)) is not None:
            self._require(stopped["depends_on"], "a run that diverged")

    def _require(self, found: Mapping[str, Any], holds: str) -> None:
        wanted = self.depends_on
        complete = noted({"depends_on": found}, wanted)
        require_same(complete, wanted, place=self.unfinished, holds=holds)


def train_one(place: RunPlace, trainer: Trainer, watch: Watch) -> None:
    """Train to the end and write the folder.

    Raises:
        DivergedError: the loss became no number; the place remembers.
        OutputError: another process trains this run, or the disk is full.
    """
    place.unfinished.mkdir(parents=True, exist_ok=True)
    with claimed(place.unfinished):
        if (place.unfinished / _STATE).is_file():
            trainer.restore(place.unfinished / _STATE, place.depends_on)
        try:
            _run_to_end(place, trainer, watch)
        except DivergedError as error:
            _note_divergence(place, str(error))
            raise
        with staged_folder(place.folder) as staged:
            write_run(trainer, staged, place.depends_on, weights_dtype=place.weights_dtype)
            for made in _checkpoints(place.unfinished, trainer.settings):
                (staged / "checkpoints" / made.name).mkdir(parents=True)
                for file in our_files(made):
                    shutil.copy(made / file, staged / "checkpoints" / made.name / file)
        _remove_state(place.unfinished, trainer.settings)
    remove_if_empty(place.unfinished)


def tidy(place: RunPlace, settings: TrainingSettings) -> None:
    """Take away what a run left that was killed when it was already whole."""
    if place.unfinished.is_dir():
        with claimed(place.unfinished):
            _remove_state(place.unfinished, settings)
        remove_if_empty(place.unfinished)


def _run_to_end(place: RunPlace, trainer: Trainer, watch: Watch) -> None:
    settings = trainer.settings
    noted_at = _marks(settings.n_steps, _HISTORY_POINTS)
    checkpoints = _marks(settings.n_steps, settings.checkpoints)
    saved = _saved_at(settings)
    while not trainer.finished:
        trainer.advance()
        watch(trainer, trainer.note_progress() if trainer.step in noted_at else None)
        if trainer.step in checkpoints:
            _save_checkpoint(trainer, place)
        if trainer.step in saved:
            trainer.save(place.unfinished / _STATE, place.depends_on)


def _save_checkpoint(trainer: Trainer, place: RunPlace) -> None:
    where = place.unfinished / "checkpoints" / str(trainer.n_tokens)
    if not where.is_dir():  # a resumed run would write the same bytes
        save(named(trainer, place.weights_dtype), where, metadata=run_metadata(trainer))


def _note_divergence(place: RunPlace, reason: str) -> None:
    content = {"reason": reason, "depends_on": dict(place.depends_on)}
    with staged_file(place.unfinished / _DIVERGED) as staged:
        staged.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


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


def _saved_at(settings: TrainingSettings) -> set[int]:
    every = min(_SAVE_EVERY // settings.batch_size, settings.n_steps // _FEWEST_SAVES)
    return {*range(0, settings.n_steps, max(1, every)), settings.n_steps}


def _marks(n_steps: int, points: int) -> set[int]:
    return {-(-n_steps * point // points) for point in range(1, points + 1)}
