"""Codes on disk: one file per chunk, written whole, and a key that says whose codes they are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from scipy import sparse

from universality.codes import Chunk, Codes
from universality.errors import FormatError, OutputError

SCHEMA = "universality.codes/1"


@final
@dataclass(frozen=True)
class CodesKey:
    """What a folder of codes was made from; other inputs are other codes."""

    weights_sha256: str
    """Hash of the dictionary's weights."""
    activations_sha256: str
    """Hash of the cache."""
    d_sae: int
    """Number of latents."""
    n_tokens: int
    """Rows of the cache."""


def begin(folder: Path, key: CodesKey) -> None:
    """Make the folder, or check that it was begun with the same inputs.

    Raises:
        OutputError: it holds something else, or cannot be made.
    """
    marker = folder / "codes.json"
    content = json.dumps({"schema": SCHEMA} | asdict(key), indent=1) + "\n"
    if marker.is_file():
        if marker.read_text() != content:
            raise OutputError(
                f"{folder} holds codes of another dictionary or other activations (codes.json "
                "says which); choose another folder"
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"{folder} is not empty and holds no codes; choose another folder")
        marker.write_text(content)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write codes into {folder}: {error.strerror}") from error


def write_chunk(folder: Path, number: int, chunk: Chunk) -> None:
    """The chunk, whole or absent.

    Raises:
        OutputError: it cannot be written, for example because the disk is full.
    """
    path = folder / _name(number)
    temporary = path.with_name(f".{path.name}.partial")
    tensors = {
        "values": torch.from_numpy(chunk.data),
        "tokens": torch.from_numpy(chunk.indices),
        "starts": torch.from_numpy(chunk.indptr),
    }
    try:
        save_file(tensors, temporary, metadata={"n_tokens": str(chunk.shape[1])})
        temporary.rename(path)
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"cannot write {path}: {error}; free some space and run the same command again, "
            "what is finished is kept"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_chunks(folder: Path, key: CodesKey) -> tuple[Chunk, ...]:
    """The chunks that are there, in order, memory-mapped.

    Raises:
        FormatError: a chunk is truncated or of another width.
    """
    chunks: list[Chunk] = []
    while (path := folder / _name(len(chunks))).is_file():
        chunks.append(_read_chunk(path, key.d_sae))
    return tuple(chunks)


def finish(folder: Path, key: CodesKey) -> Codes:
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


def _name(number: int) -> str:
    return f"codes-{number:05d}.safetensors"


def _read_chunk(path: Path, d_sae: int) -> Chunk:
    try:
        with safe_open(path, framework="pt") as file:
            values, tokens, starts = (
                file.get_tensor(name).numpy() for name in ("values", "tokens", "starts")
            )
            n_tokens = int((file.metadata() or {})["n_tokens"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FormatError(f"{path}: not a readable chunk of codes ({error}); delete it") from error
    if starts.shape != (d_sae + 1,) or np.diff(starts).min() < 0 or starts[-1] != values.size:
        raise FormatError(f"{path}: its latents are not those of codes.json; delete the folder")
    return sparse.csr_array((values, tokens, starts), shape=(d_sae, n_tokens))
