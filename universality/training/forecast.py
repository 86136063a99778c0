"""What a grid would take: cells, tokens, memory, and time from a probe of a few steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import final

import torch

from universality.training.data import TrainingData, training_data
from universality.training.grid import Cell
from universality.training.memory import (
    available_bytes,
    cache_bytes,
    caches_of,
    fits_in_memory,
    memory_in_words,
    run_bytes,
)
from universality.training.runs import place_of
from universality.training.trainer import Trainer

_PROBED = 3


@final
@dataclass(frozen=True)
class Forecast:
    """One cell, before it is trained."""

    cell: Cell
    """The cell."""
    state: str
    """`done`, `diverged`, `to do`, or how much is done."""
    steps_left: int
    """Steps still to take."""
    seconds: float
    """Estimated time for them."""


def forecast(
    cells: Sequence[Cell],
    out: Path,
    *,
    weights_dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> list[Forecast]:
    """The state of every cell and the time it still needs, from three steps of each kind.

    Nothing is written.

    Raises:
        OutputError: what is in `out` belongs to another recipe or another cache.
    """
    probed: dict[tuple[object, ...], float] = {}
    found = []
    for cell in cells:
        place = place_of(cell, out, weights_dtype, device)
        place.check()
        if place.finished or place.diverged is not None:
            state = "done" if place.finished else "diverged"
            found.append(Forecast(cell, state, 0, 0.0))
            continue
        settings = cell.settings
        done = place.steps_done()
        kind = (cell.cache.path, settings.d_sae, settings.architecture, settings.batch_size)
        if kind not in probed:
            probed[kind] = seconds_per_step(cell, device)
        state = f"{done / settings.n_steps:.0%} done" if done else "to do"
        left = settings.n_steps - done
        found.append(Forecast(cell, state, left, left * probed[kind]))
    return found


def seconds_per_step(cell: Cell, device: torch.device | str) -> float:
    """Median of three steps after one that warms up, on rows read from disk."""
    trainer = Trainer(cell.settings, _data(cell), device=device)
    taken = []
    for _ in range(min(1 + _PROBED, cell.settings.n_steps)):
        start = time.perf_counter()
        trainer.advance()
        taken.append(time.perf_counter() - start)
    return median(taken[1:] or taken)


def memory_line(cells: Sequence[Cell]) -> str:
    """A sentence on the memory that training takes, and on what is free."""
    largest = max(cells, key=lambda cell: run_bytes(cell) + cache_bytes(caches_of(cell)))
    kept = fits_in_memory(largest)
    activations = memory_in_words(cache_bytes(caches_of(largest)))
    where = f"{activations} of activations, read once" if kept else (
        f"activations read from disk step by step, {activations} being too many"
    )  # fmt: skip
    free = available_bytes()
    said = "" if free is None else f"; {memory_in_words(free)} are free"
    return f"memory: {where}, and {memory_in_words(run_bytes(largest))} for the largest run{said}"


def _data(cell: Cell) -> TrainingData:
    return training_data(cell.cache, held_out=cell.settings.held_out, target=cell.target)
