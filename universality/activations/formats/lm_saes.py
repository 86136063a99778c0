"""Activations that llamascopium (lm-saes) cached: one safetensors file per chunk.

`[shard-<s>-]chunk-<i>.safetensors` with `activation` (sequences, context, d_in), `tokens`, and
`mask` or `attention_mask`, 0 on padding.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import foreign_cache, rows_of_sequences, starts_of
from universality.activations.shards import Rows
from universality.errors import FormatError
from universality.intake.tensor_files import WHOLE, opened_safetensors, take_whole_numbers
from universality.naming import place_or_unknown

PATTERN = "*chunk-*.safetensors"
"""What its files are called."""


def read_lm_saes(folder: Path, *, first_positions: bool = False) -> ActivationCache:
    """The cache of one hook: the folder that holds its chunks.

    Without padding, and without the first position of each sequence unless `first_positions`.

    Raises:
        FormatError: a chunk is truncated, or its tensors do not fit.
    """
    names = sorted(path.name for path in folder.glob(PATTERN))
    shapes = [_shape(folder / name) for name in names]
    if len({shape[1:] for shape in shapes}) != 1:
        raise FormatError(f"{folder}: chunks of different shapes: {sorted(set(shapes))}")
    counts = [shape[0] for shape in shapes]
    starts = dict(zip(names, starts_of(counts), strict=True))
    read = partial(_rows, starts=starts, first_positions=first_positions)
    files = [(name, len(read(folder / name))) for name in names]
    n_kept = sum(n for _, n in files)
    _, context, d_in = shapes[0]
    return foreign_cache(
        folder,
        files,
        read=read,
        d_in=d_in,
        dtype=str(read(folder / names[0]).activations.dtype).removeprefix("torch."),
        n_documents=sum(counts),
        context=context,
        hook_name=place_or_unknown(folder.name),
        dropped={
            "padding" if first_positions else "first_position_or_padding": sum(counts) * context
            - n_kept
        },
    )


def _rows(path: Path, *, starts: dict[str, int], first_positions: bool) -> Rows:
    with opened_safetensors(path, advice="cache it again") as file:
        names = file.keys()
        mask = next((name for name in ("mask", "attention_mask") if name in names), None)
        kept = None if mask is None else file.get_tensor(mask)
        if kept is not None and kept.dtype not in (*WHOLE, torch.bool):
            raise FormatError(f"{path}: {mask!r} must be 0 or 1, found {kept.dtype}")
        return rows_of_sequences(
            file.get_tensor("activation"),
            take_whole_numbers(file, "tokens", path).to(torch.int32),
            first_sequence=starts[path.name],
            kept=None if kept is None else kept.to(torch.int32),
            first_positions=first_positions,
        )


def _shape(path: Path) -> tuple[int, int, int]:
    with opened_safetensors(path, advice="cache it again") as file:
        shape = file.get_slice("activation").get_shape()
    if len(shape) != 3:
        raise FormatError(
            f"{path}: activation must be (sequences, context, d_in), got shape {tuple(shape)}"
        )
    return int(shape[0]), int(shape[1]), int(shape[2])
