"""Codes on disk: one file per chunk, written whole, and a note that says whose codes they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import sparse

from universality.codes import Chunk, Codes
from universality.errors import FormatError, MissingFileError, OutputError
from universality.intake.tensor_files import opened_safetensors
from universality.storage.claims import claimed
from universality.storage.dependencies import digest, read_note, require_same, write_note
from universality.storage.owned import in_words, is_dropped
from universality.storage.recovery import recover
from universality.storage.staged_files import staged_file
from universality.storage.traces import read_trace

SCHEMA = "universality.codes/2"

_NOTE = "codes.json"
_ABOUT = "codes"
_CHUNK = re.compile(r"codes-\d{5,}\.safetensors")


@final
@dataclass(frozen=True)
class CodesKey:
    """What a folder of codes was made from; other inputs are other codes."""

    encoder_sha256: str
    """Hash of all that the encoder computes with."""
    activations_sha256: str
    """Hash of the cache."""
    d_sae: int
    """Number of latents."""
    n_tokens: int
    """Rows of the cache."""
    device: str = "cpu"
    """Kind of device they were computed on: rounding differs."""

    @property
    def digest(self) -> str:
        """One hash of all of it, which every chunk carries."""
        return digest(asdict(self))


def is_whole(folder: Path, key: CodesKey) -> bool:
    """Whether the folder holds all codes of this key, so that nothing need be written.

    Raises:
        OutputError: it holds something else.
        FormatError: a chunk cannot be read.
    """
    noted = read_note(folder / _NOTE)
    if noted is None:
        return False
    _require_same(folder, noted, key)
    recover(folder)
    return sum(int(chunk.shape[1]) for chunk in read_chunks(folder, key)) == key.n_tokens


@contextmanager
def begun(folder: Path, key: CodesKey) -> Iterator[None]:
    """The folder, made or gone on with, for this process alone while the block runs.

    A note that was damaged is written anew: each chunk says itself whose codes it holds.

    Raises:
        OutputError: it holds something else, another process writes there, or it cannot be made.
    """
    noted = read_note(folder / _NOTE)
    if noted is not None:
        _require_same(folder, noted, key)
    try:
        others = _others(folder) if folder.is_dir() else []
        if not others:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write codes into {folder}: {error.strerror}") from error
    if noted is None and others:
        raise OutputError(
            f"{folder} is not empty and holds no codes ({in_words(others)}); choose another "
            "--codes, or move that away"
        )
    with claimed(folder, option="--codes"):
        write_note(folder / _NOTE, asdict(key), schema=SCHEMA)
        yield


def write_chunk(folder: Path, number: int, chunk: Chunk, key: CodesKey) -> None:
    """The chunk, whole or absent.

    Raises:
        OutputError: it cannot be written, for example because the disk is full.
    """
    tensors = {
        "values": torch.from_numpy(chunk.data),
        "tokens": torch.from_numpy(chunk.indices),
        "starts": torch.from_numpy(chunk.indptr),
    }
    # Under one key: the order of several is not fixed, and equal codes are to be equal bytes.
    about = {_ABOUT: f"{key.digest} {chunk.shape[1]}"}
    with staged_file(folder / _name(number)) as staged:
        save_file(tensors, staged, metadata=about)


def read_chunks(folder: Path, key: CodesKey) -> tuple[Chunk, ...]:
    """The chunks that are there, in order, memory-mapped.

    Raises:
        FormatError: a chunk is truncated, of another width, or holds codes of something else.
    """
    chunks: list[Chunk] = []
    while (path := folder / _name(len(chunks))).is_file():
        chunks.append(_read_chunk(path, key))
    return tuple(chunks)


def finish_codes(folder: Path, key: CodesKey) -> Codes:
    """The codes of a folder in which every chunk is there.

    Raises:
        FormatError: a chunk is missing.
    """
    codes = Codes(read_chunks(folder, key))
    if codes.n_tokens != key.n_tokens:
        raise FormatError(
            f"{folder} holds codes of {codes.n_tokens} tokens, codes.json says {key.n_tokens}; "
            "delete the folder and encode again"
        )
    return codes


def discard(folder: Path) -> None:
    """Remove the codes in a folder, their note, and the folder if nothing else is in it."""
    noted = read_note(folder / _NOTE) or {}
    if noted.pop("schema", None) != SCHEMA:
        return
    recover(folder)
    for path in folder.iterdir():
        if _CHUNK.fullmatch(path.name) and _key_of(path) == digest(noted):
            path.unlink()
    if [path.name for path in folder.iterdir()] == [_NOTE]:
        (folder / _NOTE).unlink()
        folder.rmdir()


def _require_same(folder: Path, noted: dict[str, object], key: CodesKey) -> None:
    wanted = {"schema": SCHEMA} | asdict(key)
    require_same(noted, wanted, place=folder, holds="codes", option="--codes")


def _others(folder: Path) -> list[str]:
    """What lies there and is no codes, nor on its way to be, nor dropped by a system."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if not (
            path.name == _NOTE
            or _CHUNK.fullmatch(path.name)
            or is_dropped(path.name)
            or read_trace(path)
        )
    )


def _name(number: int) -> str:
    return f"codes-{number:05d}.safetensors"


def _key_of(path: Path) -> str:
    """The digest that a chunk carries; empty for what is no chunk."""
    try:
        with opened_safetensors(path) as file:
            return str((file.metadata() or {}).get(_ABOUT, "")).partition(" ")[0]
    except (FormatError, MissingFileError):
        return ""


def _read_chunk(path: Path, key: CodesKey) -> Chunk:
    with opened_safetensors(path, advice="delete it") as file:
        values, tokens, starts = (
            file.get_tensor(name).numpy() for name in ("values", "tokens", "starts")
        )
        owner, _, count = (file.metadata() or {})[_ABOUT].partition(" ")
        n_tokens = int(count)
    if owner != key.digest:
        raise FormatError(
            f"{path}: holds codes of another dictionary, other activations or another device; "
            "choose another --codes, or delete the folder"
        )
    if not _fits(values, tokens, starts, key, n_tokens):
        raise FormatError(f"{path}: its latents are not those of codes.json; delete the folder")
    return sparse.csr_array((values, tokens, starts), shape=(key.d_sae, n_tokens))


def _fits(
    values: np.ndarray, tokens: np.ndarray, starts: np.ndarray, key: CodesKey, n_tokens: int
) -> bool:
    """Whether these are the finite codes of that many latents and tokens."""
    whole = all(one.dtype.kind in "iu" for one in (tokens, starts))
    if values.dtype.kind != "f" or not whole or not 0 <= n_tokens <= key.n_tokens:
        return False
    if starts.shape != (key.d_sae + 1,) or values.ndim != 1 or tokens.shape != values.shape:
        return False
    if starts[0] != 0 or starts[-1] != values.size or np.diff(starts.astype(np.int64)).min() < 0:
        return False
    if not values.size:
        return True
    inside = tokens.min() >= 0 and tokens.max() < n_tokens
    return bool(inside and np.isfinite(values).all())
