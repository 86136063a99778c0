"""The runs of a grid, each a folder that is whole or resumable, trained one after another.

Every cell reads the activations from one copy of them in memory, where that fits; its weights are
a function of its own settings and cache, whatever other cells there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from tqdm import tqdm

from universality.activations.cache import CACHE, ActivationCache
from universality.activations.formats.detection import as_cache
from universality.errors import InvalidInputError, UniversalityError
from universality.training.data import TrainingData, check_aligned, training_data
from universality.training.grid import Cell, check_names
from universality.training.grid_note import check_grid, write_grid
from universality.training.identity import dependencies
from universality.training.memory import fits_in_memory
from universality.training.one_run import RunPlace, Watch, tidy, train_one
from universality.training.settings import TrainingSettings
from universality.training.trainer import DivergedError, Progress, Trainer
from universality.validation import DEVICE, FLAG, PATH, Is, Several, as_tuple, takes


@final
@dataclass(frozen=True)
class Outcome:
    """What became of a cell."""

    name: str
    """Its name."""
    folder: Path
    """Where it is, or would be."""
    diverged: str | None = None
    """Why it was stopped; None when it is finished."""


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
        settings: Of one run, or of several (`training.grid.cells` makes grids).
        out: Folder of the runs.
        weights_dtype: Of the weights that are saved.
        device: Where to train; the CPU if None.
        progress: Show a bar for each run.

    Raises:
        InvalidInputError: an argument does not fit, two runs have one name, or the cache has fewer
            rows than a batch.
        OutputError: a run there, finished or not, depends on other settings or another cache.
        FormatError: the state of an unfinished run is damaged.
        UniversalityError: a run diverged; the others are done.
    """
    cache = as_cache(activations)
    outcomes = train_cells(
        [Cell(run.name, run, cache) for run in as_tuple(settings)],
        Path(out),
        weights_dtype=weights_dtype,
        device=device or "cpu",
        progress=progress,
    )
    raise_if_diverged(outcomes)
    return [outcome.folder for outcome in outcomes]


def train_cells(
    cells: Sequence[Cell],
    out: Path,
    *,
    weights_dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> list[Outcome]:
    """What became of every cell, in order; one that diverges is stopped and the others go on.

    Raises:
        InvalidInputError: two cells have one name, a batch does not fit a cache, or the caches of a
            transcoder are not of the same tokens.
        OutputError: what is in `out` belongs to another recipe, another cache or another grid.
    """
    places = check_cells(cells, out, weights_dtype=weights_dtype, device=device)
    data = _Readings()
    with _bar(cells, enabled=progress) as tell:
        return [
            _outcome(cell, places[cell.name], data, device, tell, out, places) for cell in cells
        ]


def check_cells(
    cells: Sequence[Cell],
    out: Path,
    *,
    weights_dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> dict[str, RunPlace]:
    """Where every cell lies, when all of them can be trained there.

    Raises:
        InvalidInputError, OutputError: as `train_cells`.
    """
    check_names([cell.name for cell in cells])
    places = {cell.name: place_of(cell, out, weights_dtype, device) for cell in cells}
    for cell in cells:
        places[cell.name].check()
        _check_sizes(cell)
    check_grid(out, places)
    for cell in cells:
        if cell.target is not None:
            check_aligned(cell.cache, cell.target)
    return places


def raise_if_diverged(outcomes: Sequence[Outcome]) -> None:
    """Nothing, when every cell is finished.

    Raises:
        UniversalityError: some diverged; they are named, with what to do.
    """
    stopped = [outcome for outcome in outcomes if outcome.diverged is not None]
    if stopped:
        reasons = "; ".join(f"{outcome.name}: {outcome.diverged}" for outcome in stopped)
        others = len(outcomes) - len(stopped)
        raise UniversalityError(
            f"{len(stopped)} of {len(outcomes)} runs diverged, the other {others} are done. "
            f"{reasons}"
        )


def place_of(
    cell: Cell, out: Path, weights_dtype: torch.dtype, device: torch.device | str
) -> RunPlace:
    """Where a cell lies under `out`, and what it depends on."""
    needs = dependencies(
        cell.settings, cell.cache, weights_dtype=weights_dtype, device=device, target=cell.target
    )
    return RunPlace(out / cell.name, needs, weights_dtype)


def _outcome(
    cell: Cell,
    place: RunPlace,
    data: _Readings,
    device: torch.device | str,
    tell: Callable[[Cell], Watch],
    out: Path,
    places: dict[str, RunPlace],
) -> Outcome:
    if place.finished:
        tidy(place, cell.settings)
        return Outcome(cell.name, place.folder)
    if (reason := place.diverged) is not None:
        return Outcome(cell.name, place.folder, reason)
    trainer = Trainer(cell.settings, data.of(cell), device=device)
    _check_batch(trainer)
    write_grid(out, places)
    try:
        train_one(place, trainer, tell(cell))
    except DivergedError as error:
        return Outcome(cell.name, place.folder, str(error))
    return Outcome(cell.name, place.folder)


class _Readings:
    """The activations of one hook at a time: read once for all of its cells."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._data: TrainingData | None = None

    def of(self, cell: Cell) -> TrainingData:
        """What this cell reads, from the copy in memory where the cell before had the same."""
        target = None if cell.target is None else cell.target.path
        key = (cell.cache.path, target, cell.settings.held_out)
        if key != self._key or self._data is None:
            self._key, self._data = None, None  # let go of the one before, then read
            self._data = training_data(
                cell.cache,
                held_out=cell.settings.held_out,
                target=cell.target,
                in_memory=fits_in_memory(cell),
            )
            self._key = key
        return self._data


def _check_sizes(cell: Cell) -> None:
    if cell.settings.batch_size > len(cell.cache):
        raise InvalidInputError(
            f"--batch-size {cell.settings.batch_size} exceeds the {len(cell.cache)} tokens of "
            f"{cell.cache.path}; lower it, or collect more"
        )


def _check_batch(trainer: Trainer) -> None:
    size, n_rows = trainer.settings.batch_size, len(trainer.data.split.training)
    if size > n_rows:
        raise InvalidInputError(
            f"--batch-size {size} exceeds the {n_rows} tokens of {trainer.data.cache.path} that "
            "are trained on; lower it or --held-out, or collect more"
        )


def _tokens(cells: Sequence[Cell]) -> int:
    return sum(cell.settings.n_steps * cell.settings.batch_size for cell in cells)


@contextmanager
def _bar(cells: Sequence[Cell], *, enabled: bool) -> Iterator[Callable[[Cell], Watch]]:
    numbers = {cell.name: number for number, cell in enumerate(cells, start=1)}
    with tqdm(total=_tokens(cells), unit=" tokens", unit_scale=True, disable=not enabled) as bar:

        def tell(cell: Cell) -> Watch:
            before = _tokens(cells[: numbers[cell.name] - 1])
            bar.set_description(f"{numbers[cell.name]}/{len(cells)} {cell.name}", refresh=False)

            def watch(trainer: Trainer, noted: Progress | None) -> None:
                bar.update(before + trainer.n_tokens - bar.n)
                if noted is not None:
                    bar.set_postfix_str(
                        f"FVU {noted.fvu:.4f} L0 {noted.l0:.1f} dead {noted.dead_fraction:.1%}"
                    )

            return watch

        yield tell
