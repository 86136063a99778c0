"""How much memory training takes, estimated before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from universality.activations.cache import ActivationCache
from universality.training.grid import Cell

_SHARE = 0.5
_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}


def cache_bytes(caches: Sequence[ActivationCache]) -> int:
    """Bytes of all activations of these caches, as they are on disk."""
    return sum(c.meta.n_tokens * c.meta.d_in * _BYTES.get(c.meta.dtype, 4) for c in caches)


def run_bytes(cell: Cell) -> int:
    """Bytes of one run: weights, gradients and two moments, and a step's activations.

    An estimate: pre-activations in two formats, what is listed of them, and the batch.
    """
    d_in = cell.cache.meta.d_in
    d_out = d_in if cell.target is None else cell.target.meta.d_in
    settings = cell.settings
    weights = settings.d_sae * (d_in + d_out + 1) + d_out
    step = settings.batch_size * (3 * settings.d_sae + 4 * (d_in + d_out))
    return 4 * (4 * weights + step)


def caches_of(cell: Cell) -> list[ActivationCache]:
    """What a cell reads."""
    return [cell.cache] if cell.target is None else [cell.cache, cell.target]


def fits_in_memory(cell: Cell) -> bool:
    """Whether the caches of a cell may be held in memory: in half of what is free.

    Where the system does not say what is free they are read from disk.
    """
    free = available_bytes()
    return free is not None and cache_bytes(caches_of(cell)) + run_bytes(cell) < _SHARE * free


def available_bytes() -> int | None:
    """Memory that a new process may use, where Linux says so."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def memory_in_words(n_bytes: int) -> str:
    """Such as `1.3 GB`."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
