"""Which format a place holds: by its weight files, then by the keys in and beside them."""

from __future__ import annotations

import fnmatch
from contextlib import suppress
from pathlib import Path

from universality.errors import FormatError, MissingFileError
from universality.loading.checkpoints import Checkpoint, Request
from universality.loading.containers import SUFFIXES
from universality.loading.formats import BARE_DECODER, FORMATS, Format, format_named
from universality.loading.sharded_weights import whole_name, whole_names
from universality.loading.tensors import listed

_NEVER_WEIGHTS = (
    "sparsity.safetensors",
    "activation_whitening.safetensors",
    "activations_store_state.safetensors",
    "optimizer*.pt",
    "lr_scheduler*.pt",
    "state.pt",
    "rank_*_state.pt",
    "trainer_state.pt",
    "training_args.bin",
)
_MOST_FOLDERS = 400
INNER_WEIGHTS = ("checkpoints/final.safetensors",)
"""Weight files that belong to the folder above theirs."""


def detect(path: Path, request: Request, *, format: str | None) -> tuple[Format, Checkpoint]:
    """The format at this place and the one checkpoint to read.

    Raises:
        MissingFileError: a folder without weights.
        FormatError: nothing recognises the file, or the place holds several checkpoints or
            formats (they are named).
    """
    candidates = weight_files(path)
    if not candidates:
        raise MissingFileError(_without_weights(path))
    checkpoints = [Checkpoint(file, _home(path, file), request) for file in candidates]
    if format is not None:
        found = _of_format(checkpoints, format_named(format))
    else:
        found = [(kind, c) for c in checkpoints for kind in recognised(c)]
    if not found:
        raise FormatError(_unrecognised(path, checkpoints))
    if len(found) > 1:
        raise FormatError(_several(path, found))
    return found[0]


def weight_files(path: Path) -> list[Path]:
    """The files at this place that may hold weights, in natural order; shards by their whole."""
    if not path.is_dir():
        return [path.with_name(whole_name(path.name))]
    inner = [path / name for name in INNER_WEIGHTS if (path / name).is_file()]
    direct = [file.name for file in path.iterdir() if may_be_weights(file.name) and file.is_file()]
    return sorted((path / name for name in whole_names(direct)), key=natural_order) + inner


def recognised(checkpoint: Checkpoint) -> list[Format]:
    """The formats that claim a checkpoint; the bare decoder only when no other does."""
    found = [kind for kind in FORMATS if kind.recognise(checkpoint)]
    return found or [kind for kind in (BARE_DECODER,) if kind.recognise(checkpoint)]


def natural_order(path: Path) -> list[tuple[int, str]]:
    """A sorting key under which seed2 comes before seed10."""
    digits = "".join(c if c.isdecimal() and c.isascii() else " " for c in path.name).split()
    numbers = [(int(run[:15]), "") for run in digits]
    words = "".join(" " if c.isdecimal() and c.isascii() else c for c in path.name).split()
    return [(0, words[0] if words else ""), *numbers, (0, path.name)]


def may_be_weights(name: str) -> bool:
    """Whether a file of this name may hold a dictionary's weights, or say where they lie."""
    return (
        whole_name(name).lower().endswith(SUFFIXES)
        and not name.startswith(".")
        and not any(fnmatch.fnmatch(name, pattern) for pattern in _NEVER_WEIGHTS)
    )


def folders_with_weights(path: Path) -> list[Path]:
    """Folders below this one that hold weights, nearest first; looks at a few hundred of them."""
    found: list[Path] = []
    waiting = [path]
    for folder in waiting:
        with suppress(OSError):
            below = [f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")]
            waiting += sorted(below, key=natural_order)[: max(0, _MOST_FOLDERS - len(waiting))]
            if folder != path and weight_files(folder):
                found.append(folder)
    return found


def _without_weights(path: Path) -> str:
    below = [str(folder.relative_to(path)) for folder in folders_with_weights(path)]
    if not below:
        return f"{path} holds no weights: no file ending in {', '.join(SUFFIXES)}"
    shown = ", ".join(below[:6]) + (f" and {len(below) - 6} more" if len(below) > 6 else "")
    folders = "a folder below it does" if len(below) == 1 else f"{len(below)} folders below it do"
    return f"{path} holds no weights itself, but {folders}: {shown}; name one of them"


def _home(path: Path, file: Path) -> Path:
    """Where a checkpoint's configuration lies: the folder named, else the file's own."""
    return path if path.is_dir() else file.parent


def _of_format(checkpoints: list[Checkpoint], kind: Format) -> list[tuple[Format, Checkpoint]]:
    if len(checkpoints) == 1:
        return [(kind, checkpoints[0])]
    return [(kind, checkpoint) for checkpoint in checkpoints if kind.recognise(checkpoint)]


def _unrecognised(path: Path, checkpoints: list[Checkpoint]) -> str:
    first = checkpoints[0]
    notes = "".join(f" ({note})" for note in first.tensors.notes)
    return (
        f"{path}: no known format; {first.weights.name}{notes} holds "
        f"{listed(first.tensors.entries)}. "
        f"Name the format with --format ({', '.join(kind.name for kind in FORMATS)})"
    )


def _several(path: Path, found: list[tuple[Format, Checkpoint]]) -> str:
    named = [f"{checkpoint.weights.name} ({kind.name})" for kind, checkpoint in found]
    shown = ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "")
    if len({kind.name for kind, _ in found}) > 1:
        return f"{path} holds more than one format: {shown}; name the file, or pass --format"
    return f"{path} holds {len(found)} checkpoints: {shown}; name one of them"
