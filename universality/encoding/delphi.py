"""Codes that delphi cached: already sparse, so that neither model nor encoder is needed.

A folder per hook with `<first>_<last>.safetensors`, each holding the latents of that range:
`locations` (n, 3) - sequence, position, latent counted from the first -, `activations` (n,), and
`tokens` (sequences, context).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from universality.activation_functions import NotEncodable
from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import foreign_cache, rows_of_sequences
from universality.activations.shards import Rows
from universality.activations.token_table import TokenTable
from universality.codes import Codes, from_batches, take_tokens
from universality.dictionary import Dictionary, RunKey, Source
from universality.errors import FormatError, MissingFileError
from universality.intake.damage import damage_named
from universality.intake.tensor_files import WHOLE, opened_safetensors
from universality.shapes import check_finite, number_refusal

_MOST_LATENTS = 2**26
_COUNTS = (*WHOLE, torch.uint16, torch.uint32, torch.uint64)
"""Kinds of numbers that places and tokens may have: delphi keeps places as small as they fit."""
_NAME = re.compile(r"(\d+)_(\d+)\.safetensors")


@final
@dataclass(frozen=True, eq=False)
class CodedRun:
    """A run that is known by its codes alone: nobody has its weights, or needs them."""

    dictionary: Dictionary
    """What is known of it, without any direction."""
    codes: Codes
    """Its codes, without the first position of each sequence."""
    cache: ActivationCache
    """The tokens they are of; its rows have width 0."""


def is_delphi(path: str | Path) -> bool:
    """Whether this is a folder with latents that delphi cached."""
    folder = Path(path)
    return folder.is_dir() and any(_NAME.fullmatch(file.name) for file in folder.iterdir())


def open_delphi(folder: str | Path) -> CodedRun:
    """The run whose latents delphi cached in this folder, named by its last two parts.

    First positions are left out, as in every cache: no other token is like them.

    Raises:
        MissingFileError: the folder has no such file.
        FormatError: a range of latents or the tokens are missing, or a file is damaged.
    """
    folder = Path(folder)
    with damage_named(folder, advice="cache the latents again"):
        codes, table = read_delphi(folder)
    context = int(table.positions.max()) + 1
    files = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    cache = foreign_cache(
        folder,
        [(files[0].name, int((table.positions > 0).sum()))],
        read=partial(_rows, table=table, context=context),
        d_in=0,
        dtype="none",
        n_documents=int(table.documents.max()) + 1,
        context=context,
        hook_name=folder.name,
    )
    dictionary = Dictionary(
        W_dec=torch.empty(codes.d_sae, 0, dtype=torch.float32),
        activation_fn=NotEncodable("delphi's caches hold codes, not weights"),
        key=RunKey(hook_name=folder.name, d_sae=codes.d_sae),
        source=Source(
            spec=str(folder),
            name="/".join(folder.resolve().parts[-2:]),
            format="delphi",
            weight_files=tuple(files),
        ),
    )
    return CodedRun(dictionary, take_tokens(codes, table.positions > 0), cache)


def _rows(_path: Path, *, table: TokenTable, context: int) -> Rows:
    tokens = torch.from_numpy(table.tokens).reshape(-1, context)
    return rows_of_sequences(
        torch.empty(*tokens.shape, 0, dtype=torch.float32), tokens, first_sequence=0
    )


def read_delphi(folder: Path) -> tuple[Codes, TokenTable]:
    """Codes of every latent, and the token of each column; each sequence counts as a document.

    Raises:
        MissingFileError: the folder has no such file.
        FormatError: a range of latents or the tokens are missing, or a file is damaged.
    """
    found = [(path, match) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    if not found:
        raise MissingFileError(f"{folder}: no <first>_<last>.safetensors, so no cache of delphi's")
    ranges = sorted((int(match[1]), int(match[2]), path) for path, match in found)
    _check_ranges(ranges, folder)
    tokens = _read(ranges[0][2]).get("tokens")
    if tokens is None:
        raise FormatError(
            f"{ranges[0][2]}: no `tokens`; cache the latents again with save_tokens=True"
        )
    if tokens.ndim != 2 or 0 in tokens.shape or tokens.dtype not in _COUNTS:
        raise FormatError(
            f"{ranges[0][2]}: `tokens` must be whole numbers (sequences, context), found "
            f"{tokens.dtype} of shape {tuple(tokens.shape)}"
        )
    context = tokens.shape[1]
    parts = [_latents(path, first, last, context, tokens.numel()) for first, last, path in ranges]
    by_token = sparse.csr_array(sparse.csr_array(sparse.vstack(parts)).T)
    sequence, position = np.divmod(np.arange(tokens.numel()), context)
    table = TokenTable(
        tokens.reshape(-1).numpy().astype(np.int32),
        sequence.astype(np.int32),
        position.astype(np.int32),
    )
    return from_batches([by_token], ranges[-1][1] + 1), table


def _latents(path: Path, first: int, last: int, context: int, n_tokens: int) -> sparse.csr_array:
    content = _read(path)
    _check_latents(content, path)
    locations = content["locations"].numpy().astype(np.int64)
    values = content["activations"].float().numpy()
    limits = (n_tokens // context, context, last - first + 1)
    if len(locations) and ((locations < 0).any() or (locations >= limits).any()):
        found = tuple(int(one) for one in locations.max(axis=0))
        raise FormatError(
            f"{path}: locations reach (sequence, position, latent) {found}, beyond {limits} or "
            "below 0; the files are not of one run"
        )
    token = locations[:, 0] * context + locations[:, 1]
    return sparse.csr_array((values, (locations[:, 2], token)), shape=(limits[2], n_tokens))


def _check_latents(content: dict[str, Tensor], path: Path) -> None:
    for name in ("locations", "activations"):
        if name not in content:
            raise FormatError(f"{path}: no `{name}`; cache the latents again")
    locations, values = content["locations"], content["activations"]
    if locations.dtype not in _COUNTS or locations.ndim != 2 or locations.shape[1] != 3:
        raise FormatError(
            f"{path}: `locations` must be whole numbers (n, 3), found {locations.dtype} of shape "
            f"{tuple(locations.shape)}"
        )
    if (refused := number_refusal(values.dtype)) is not None:
        raise FormatError(f"{path}: `activations` {refused}")
    if tuple(values.shape) != (len(locations),):
        raise FormatError(
            f"{path}: {len(locations)} locations for activations of shape {tuple(values.shape)}"
        )
    check_finite(values, f"{path}: `activations`")


def _check_ranges(ranges: list[tuple[int, int, Path]], folder: Path) -> None:
    expected = 0
    for first, last, path in ranges:
        if first != expected:
            raise FormatError(
                f"{folder}: latents {expected} to {first - 1} are missing before {path.name}"
            )
        if not first <= last < _MOST_LATENTS:
            raise FormatError(f"{path}: no range of latents that a dictionary can have")
        expected = last + 1


def _read(path: Path) -> dict[str, Tensor]:
    with opened_safetensors(path, advice="cache the latents again") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
