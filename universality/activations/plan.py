"""What a collection was asked to do, kept in its folder so that it can only go on as it began."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from universality.errors import InvalidInputError, OutputError
from universality.storage.staged_files import staged_file

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


def begin(out: Path, plan: Collection) -> None:
    """Make `out` the folder of this collection, or find that it is already.

    Raises:
        OutputError: `out` holds something else, was begun with other inputs, or cannot be written.
    """
    marker = out / _MARKER
    if marker.is_file():
        _check_same(out, json.loads(marker.read_text()), plan)
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: exists and is no collection; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    with staged_file(marker) as staged:
        staged.write_text(json.dumps(vars(plan), indent=1) + "\n")


def _check_same(out: Path, begun: dict[str, object], plan: Collection) -> None:
    # Collections of before the option existed kept special tokens.
    begun = {"drop_special": False} | begun
    differing = [name for name, value in vars(plan).items() if begun.get(name) != value]
    if "tokenizer_sha256" in differing:
        raise OutputError(
            f"{out}: was begun with another tokenizer, so the same token ids mean other strings "
            "there; go on with the model it was begun with, or choose another --out"
        )
    if differing:
        changes = "; ".join(
            f"{name} was {begun.get(name)}, is now {vars(plan)[name]}" for name in differing
        )
        raise OutputError(
            f"{out}: was begun with another model, hook, text or option ({changes}); choose "
            "another --out, or delete it"
        )
