"""A folder of activations of one hook of one model: what it says of itself, and reading it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from universality.activations.shards import ROW_FIELDS, Rows, read_shard
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.intake.damage import damage_named
from universality.intake.fields import Fields
from universality.intake.json_files import read_json, read_mapping
from universality.intake.names import visible, well_formed
from universality.intake.tensor_files import WHOLE
from universality.shapes import number_refusal
from universality.storage.staged_files import staged_file
from universality.validation import Is

SCHEMA = "universality.activations/1"

_LARGEST_LIST = 2**30

ShardReader: TypeAlias = Callable[[Path], Rows]
"""Reads the rows of one file."""


@final
@dataclass(frozen=True)
class ShardEntry:
    """One file of the cache."""

    file: str
    """Its name."""
    n_tokens: int
    """Rows in it."""
    sha256: str
    """Hash of its bytes."""


@final
@dataclass(frozen=True)
class CacheMeta:
    """What a cache says of itself, in `meta.json`."""

    model_name: str
    """Hub id, folder or file name of the language model."""
    model_dtype: str
    """Number format the model ran in."""
    hook_name: str
    """Place in the model, TransformerLens-style."""
    d_in: int
    """Width of a row."""
    dtype: str
    """Number format on disk."""
    n_tokens: int
    """Rows in all shards."""
    n_documents: int
    """Documents they come from."""
    context: int
    """Longest window the model saw, in tokens."""
    bos: int | None
    """Token put before each window; None when there is none."""
    tokenizer_sha256: str
    """Hash of the tokenizer's vocabulary."""
    text_sha256: str
    """Hash of the texts, in order, without repetitions."""
    dropped: dict[str, int]
    """Rows left out: `first_position` of a window, `high_norm`, `special`; and
    `duplicate_documents`."""
    shards: tuple[ShardEntry, ...]
    """The files, in order."""
    drop_special: bool = False
    """Whether rows of special tokens were left out."""
    selection: str = ""
    """Hash of the rows that are used, where some of the files' are not; empty otherwise."""

    @property
    def sha256(self) -> str:
        """Hash over the hashes of the shards and what is used of them: equal for equal caches."""
        parts = [*(shard.sha256 for shard in self.shards), self.selection]
        return hashlib.sha256("".join(parts).encode()).hexdigest()


@final
@dataclass(frozen=True, eq=False)
class ActivationCache:
    """An opened cache. Rows are numbered through all shards, those left out aside."""

    path: Path
    """The folder."""
    meta: CacheMeta
    """What it holds."""
    read: ShardReader = read_shard
    """Reads one file; another one for caches that other libraries wrote."""
    kept: Int[Tensor, " n_tokens"] | None = None
    """Which rows of the files are the rows of the cache, ascending; None for all of them."""

    def __len__(self) -> int:
        return self.meta.n_tokens

    def __repr__(self) -> str:
        meta = self.meta
        return (
            f"{visible(str(self.path))}\n"
            f"{meta.n_tokens:,} tokens of {meta.n_documents:,} documents, d_in {meta.d_in:,}\n"
            f"model {visible(meta.model_name)}, hook {visible(meta.hook_name)}"
        )

    @cached_property
    def shards(self) -> tuple[Rows, ...]:
        """The rows of each file, memory-mapped."""
        return tuple(_checked_shard(self, entry) for entry in self.meta.shards)

    @cached_property
    def vocabulary(self) -> dict[int, str]:
        """The string of every token that occurs: contexts can be shown without a tokenizer.

        Where the cache does not know them, the token's number.
        """
        if not os.path.lexists(self.path / "vocabulary.json"):
            occurring = torch.unique(torch.cat([shard.tokens for shard in self.shards]))
            return {token: f"<{token}>" for token in occurring.tolist()}
        path = self.path / "vocabulary.json"
        strings = read_mapping(path, largest=_LARGEST_LIST)
        if not all(key.isdecimal() and isinstance(word, str) for key, word in strings.items()):
            raise FormatError(f"{path}: must map numbers of tokens to texts")
        return {int(token): well_formed(string) for token, string in strings.items()}

    @cached_property
    def document_names(self) -> list[str]:
        """Name of each document; its number, where the cache does not know it."""
        if not os.path.lexists(self.path / "documents.json"):
            return [f"document {number}" for number in range(self.meta.n_documents)]
        path = self.path / "documents.json"
        names = read_json(path, largest=_LARGEST_LIST)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise FormatError(f"{path}: must be a list of names")
        if len(names) < self.meta.n_documents:
            raise FormatError(
                f"{path} names {len(names)} documents, meta.json counts {self.meta.n_documents}"
            )
        return [well_formed(name) for name in names]


CACHE = Is((ActivationCache, str, Path), "a cache of activations, or where one lies")
"""What public functions take for activations."""


def open_cache(path: str | Path) -> ActivationCache:
    """The cache in a folder that `universality activations collect` wrote.

    Only `meta.json` is read; shards are mapped when their rows are asked for.

    Raises:
        MissingFileError: no folder, or a folder that is no cache.
        FormatError: collection was interrupted, or the cache is of another schema.
    """
    path = Path(path)
    if not path.is_dir():
        raise MissingFileError(f"{path}: no such folder of activations")
    if not (path / "meta.json").is_file():
        if (path / "collection.json").is_file():
            raise FormatError(
                f"{path}: collection is unfinished; run the same collect command again to finish it"
            )
        raise MissingFileError(f"{path}: no meta.json, so no activation cache")
    return ActivationCache(path, _parse_meta(path))


def read_batches(cache: ActivationCache, batch_size: int) -> Iterator[Rows]:
    """All rows in order, `batch_size` at a time (the last batch is smaller), across shards."""
    if batch_size < 1:
        raise InvalidInputError(f"batch size must be at least 1, got {batch_size}")
    for start in range(0, len(cache), batch_size):
        yield read_rows(cache, torch.arange(start, min(start + batch_size, len(cache))))


def read_rows(cache: ActivationCache, rows: Int[Tensor, " n_rows"]) -> Rows:
    """The rows of these numbers, in the order asked for."""
    return Rows(*(_gather(cache, rows, field) for field in ROW_FIELDS))


def read_activations(
    cache: ActivationCache, rows: Int[Tensor, " n_rows"]
) -> Float[Tensor, "n_rows d_in"]:
    """The activations alone of the rows of these numbers, in the order asked for."""
    return _gather(cache, rows, "activations")


def write_meta(path: Path, meta: CacheMeta) -> None:
    """Write `meta.json`, the file that makes a folder a finished cache."""
    with staged_file(path / "meta.json") as staged:
        content = {key: value for key, value in asdict(meta).items() if key != "selection"}
        staged.write_text(json.dumps({"schema": SCHEMA} | content, indent=1) + "\n")


def file_hash(path: Path) -> str:
    """Sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_cache(cache: ActivationCache) -> None:
    """Nothing, when every shard's bytes have the hash that `meta.json` gives.

    Raises:
        FormatError: a shard is missing or has changed.
    """
    for entry in cache.meta.shards:
        shard = cache.path / entry.file
        if not shard.is_file():
            raise FormatError(f"{shard}: listed in meta.json, but missing")
        if (found := file_hash(shard)) != entry.sha256:
            raise FormatError(
                f"{shard}: sha256 is {found}, meta.json says {entry.sha256}; "
                "the file has changed since it was collected"
            )


def _gather(cache: ActivationCache, rows: Tensor, field: str) -> Tensor:
    rows = rows if cache.kept is None else cache.kept[rows]
    counts = torch.tensor([entry.n_tokens for entry in cache.meta.shards])
    ends = counts.cumsum(0)
    in_order, order = rows.sort(stable=True)
    local = in_order - (ends - counts)[torch.searchsorted(ends, in_order, right=True)]
    lengths = torch.diff(
        torch.searchsorted(in_order, ends), prepend=torch.zeros(1, dtype=torch.long)
    )
    parts = [
        getattr(shard, field)[chosen]
        for shard, chosen in zip(cache.shards, torch.split(local, lengths.tolist()), strict=True)
        if len(chosen)
    ]
    found = torch.cat(parts) if parts else getattr(cache.shards[0], field)[:0]
    if field == "activations":
        _check_finite(found, in_order, cache)
    return torch.empty_like(found).index_copy_(0, order, found)


def _check_finite(found: Tensor, rows: Tensor, cache: ActivationCache) -> None:
    bad = ~torch.isfinite(found).all(dim=1)
    if bool(bad.any()):
        raise InvalidInputError(
            f"{cache.path}: row {int(rows[bad][0])} holds NaN or infinity; collect the cache again "
            "in float32, or leave those tokens out"
        )


def _parse_meta(path: Path) -> CacheMeta:
    content = read_mapping(path / "meta.json")
    if content.get("schema") != SCHEMA:
        raise FormatError(f"{path / 'meta.json'}: not of schema {SCHEMA}; collect it again")
    fields = Fields(str(path / "meta.json"), content)
    shards = tuple(
        ShardEntry(one.plain_name("file"), one.count("n_tokens"), one.text("sha256"))
        for one in fields.sections("shards")
    )
    words = ("model_name", "model_dtype", "hook_name", "dtype", "tokenizer_sha256", "text_sha256")
    meta = CacheMeta(
        **{word: fields.text(word) for word in words},
        d_in=fields.count("d_in", least=1),
        n_tokens=fields.count("n_tokens"),
        n_documents=fields.count("n_documents"),
        context=fields.count("context"),
        bos=fields.optional_count("bos"),
        dropped=fields.counts("dropped"),
        shards=shards,
        drop_special=fields.flag("drop_special", default=False),
    )
    if len({shard.file for shard in shards}) != len(shards):
        raise FormatError(f"{fields.where} lists a shard twice")
    if meta.n_tokens != sum(shard.n_tokens for shard in shards):
        raise FormatError(f"{fields.where}: its shards do not add up to its {meta.n_tokens} tokens")
    return meta


def _checked_shard(cache: ActivationCache, entry: ShardEntry) -> Rows:
    path, meta = cache.path / entry.file, cache.meta
    with damage_named(path, advice="collect it again"):
        rows = cache.read(path)
    if tuple(rows.activations.shape) != (entry.n_tokens, meta.d_in):
        raise FormatError(
            f"{path}: holds {tuple(rows.activations.shape)} activations, "
            f"the cache says {(entry.n_tokens, meta.d_in)}"
        )
    if (refused := number_refusal(rows.activations.dtype)) is not None:
        raise FormatError(f"{path}: its matrix of activations {refused}")
    for name in ("tokens", "documents", "positions"):
        _check_numbers(getattr(rows, name), entry.n_tokens, f"{path}: {name!r}")
    last = int(rows.documents.max()) if entry.n_tokens else -1
    if last >= meta.n_documents:
        raise FormatError(f"{path}: names document {last} of {meta.n_documents}")
    if entry.n_tokens and min(int(rows.documents.min()), int(rows.positions.min())) < 0:
        raise FormatError(f"{path}: names documents or positions below 0")
    return rows


def _check_numbers(values: Tensor, n: int, what: str) -> None:
    if values.dtype not in WHOLE or tuple(values.shape) != (n,):
        raise FormatError(
            f"{what} must be {n} whole numbers, found {values.dtype} of shape {tuple(values.shape)}"
        )
