"""A plain array of activations, rows are tokens: `.npy`, or `.safetensors` with one matrix."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import DOCUMENT, foreign_cache, rows_of_tokens
from universality.activations.shards import Rows
from universality.errors import FormatError
from universality.intake.array_files import read_npy
from universality.intake.tensor_files import opened_safetensors
from universality.shapes import as_tensor, check_finite, number_refusal

_TOKENS = ("tokens", "token_ids", "input_ids")


def read_array(path: Path) -> ActivationCache:
    """The cache in one file: a matrix (tokens, d_in), and in a `.safetensors` file maybe `tokens`.

    Nothing is known of documents: every 256 rows count as one.

    Raises:
        FormatError: the file is no such matrix.
    """
    activations, _ = _load(path)
    n_tokens, d_in = activations.shape
    return foreign_cache(
        path.parent,
        [(path.name, n_tokens)],
        read=_rows,
        d_in=d_in,
        dtype=str(activations.dtype).removeprefix("torch."),
        n_documents=-(-n_tokens // DOCUMENT),
        context=DOCUMENT,
    )


def _rows(path: Path) -> Rows:
    activations, tokens = _load(path)
    check_finite(activations, str(path))
    return rows_of_tokens(activations, tokens, first_row=0)


def _load(path: Path) -> tuple[Tensor, Tensor | None]:
    activations, tokens = _load_npy(path) if path.suffix == ".npy" else _load_safetensors(path)
    if (refused := number_refusal(activations.dtype)) is not None:
        raise FormatError(f"{path}: the matrix of activations {refused}")
    if activations.ndim != 2 or 0 in activations.shape:
        raise FormatError(
            f"{path}: activations must be a matrix (tokens, d_in), got shape "
            f"{tuple(activations.shape)}"
        )
    if tokens is not None and tokens.shape != activations.shape[:1]:
        raise FormatError(
            f"{path}: {tuple(tokens.shape)} tokens for {activations.shape[0]} rows of activations"
        )
    return activations, tokens


def _load_npy(path: Path) -> tuple[Tensor, None]:
    return as_tensor(read_npy(path), str(path)), None


def _load_safetensors(path: Path) -> tuple[Tensor, Tensor | None]:
    with opened_safetensors(path) as file:
        names = list(file.keys())
        tokens = next((file.get_tensor(name) for name in _TOKENS if name in names), None)
        matrices = [name for name in names if name not in _TOKENS]
        if len(matrices) != 1:
            raise FormatError(
                f"{path}: expected one matrix of activations (and maybe `tokens`), found "
                f"{', '.join(sorted(names)) or 'nothing'}"
            )
        return file.get_tensor(matrices[0]), tokens
