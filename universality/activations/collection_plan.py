"""What a collection was asked to do, kept in its folder so that it can only go on as it began."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from universality.activations.cache import open_cache
from universality.errors import InvalidInputError, OutputError
from universality.storage.claims import claimed
from universality.storage.dependencies import digest, read_note, require_same, write_note
from universality.storage.owned import in_words, is_dropped
from universality.storage.recovery import recover
from universality.storage.traces import read_trace

SCHEMA = "universality.collection/1"

_MARKER = "collection.json"


@final
@dataclass(frozen=True)
class Collection:
    """Everything that decides the bytes of a cache: two equal ones give the same files."""

    model_name: str
    """Name of the language model."""
    model_dtype: str
    """Number format it runs in."""
    hook_name: str
    """Where it is read."""
    context: int
    """Longest window, in tokens."""
    shard_tokens: int
    """Window tokens after which a file is closed."""
    max_tokens: int | None
    """Rows after which collection stops; None for all."""
    bos: int | None
    """Token put before each window."""
    tokenizer_sha256: str
    """Hash of the vocabulary."""
    text_sha256: str
    """Hash of the texts."""
    drop_special: bool
    """Whether rows of special tokens are left out."""
    special_tokens: tuple[int, ...]
    """The tokens whose rows are left out."""
    model_sha256: str
    """Hash of the model's weights and configuration."""
    windows_sha256: str
    """Hash of the tokens that the model reads, window by window."""
    device: str
    """Kind of device it runs on: rounding differs."""

    @property
    def digest(self) -> str:
        """One hash of all of it, which every shard carries."""
        return digest(vars(self))


def check_numbers(*, context: int, shard_tokens: int, max_tokens: int | None) -> None:
    """Nothing, when the numbers are in range.

    Raises:
        InvalidInputError: one is not; the message names its flag.
    """
    if context < 3:
        raise InvalidInputError(f"--context must be at least 3 tokens, got {context}")
    if shard_tokens < 1:
        raise InvalidInputError(f"--shard-tokens must be at least 1, got {shard_tokens}")
    if max_tokens is not None and max_tokens < 1:
        raise InvalidInputError(f"--max-tokens must be at least 1, got {max_tokens}")


def hook_folders(out: Path, hook_names: Iterable[str]) -> dict[str, Path]:
    """Where each hook's cache goes: `out` itself for one, a folder of its name in `out` for more.

    Raises:
        OutputError: `out` is the cache of a single hook, and several are asked for.
    """
    names = list(dict.fromkeys(hook_names))
    if len(names) == 1:
        return {names[0]: out}
    if (out / _MARKER).is_file():
        raise OutputError(
            f"{out}: holds the cache of a single hook; choose another --out for several"
        )
    return {name: out / name for name in names}


def is_finished(out: Path, plan: Collection) -> bool:
    """Whether the cache of this collection is whole there, so that nothing need be run.

    Raises:
        OutputError: `out` was begun with other inputs.
    """
    noted = read_note(out / _MARKER)
    if noted is None:
        return False
    _check_same(out, noted, plan)
    recover(out)
    if not (out / "meta.json").is_file():
        return False
    return all((out / shard.file).is_file() for shard in open_cache(out).meta.shards)


@contextmanager
def begun_collection(out: Path, plan: Collection) -> Iterator[None]:
    """`out` as the folder of this collection, for this process alone while the block runs.

    Raises:
        OutputError: `out` holds something else, was begun with other inputs, another process
            collects into it, or it cannot be written.
    """
    noted = read_note(out / _MARKER)
    if noted is not None:
        _check_same(out, noted, plan)
    else:
        _check_empty(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write into {out}: {error.strerror}") from error
    with claimed(out):
        if noted is None:
            write_note(out / _MARKER, vars(plan), schema=SCHEMA)
        yield


def _check_empty(out: Path) -> None:
    if not out.is_dir():
        if os.path.lexists(out):
            raise OutputError(f"{out}: exists and is no folder; choose another --out")
        return
    names = [p.name for p in out.iterdir() if not (is_dropped(p.name) or read_trace(p))]
    if _MARKER in names and len(names) > 1:
        raise OutputError(
            f"{out / _MARKER} is damaged, so it cannot be told what the files beside it were "
            "collected from; choose another --out, or delete the folder"
        )
    if names not in ([], [_MARKER]):
        raise OutputError(
            f"{out}: exists and is no collection ({in_words(sorted(names))}); choose another "
            "--out, or move that away"
        )


def _check_same(out: Path, noted: dict[str, Any], plan: Collection) -> None:
    # Collections of before the option existed kept special tokens.
    noted = {"drop_special": False} | noted
    if noted.get("tokenizer_sha256") != plan.tokenizer_sha256:
        raise OutputError(
            f"{out}: was begun with another tokenizer, so the same token ids mean other strings "
            "there; go on with the model it was begun with, or choose another --out"
        )
    require_same(noted, vars(plan), place=out, holds="a cache")
