"""Activations that saev recorded: shards of one flat array of examples, layers, tokens and width.

`metadata.json`, `shards.json` and `acts<number>.bin`, as saev's protocol says; both spellings of
its fields (images and patches, then examples and tokens) are read.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import (
    UNKNOWN_TOKEN,
    chosen_layer,
    foreign_cache,
    rows_of_sequences,
    starts_of,
)
from universality.activations.shards import Rows
from universality.errors import FormatError
from universality.intake.fields import Fields
from universality.intake.json_files import read_json, read_mapping

_ABOUT, _SHARDS = "metadata.json", "shards.json"
_BYTES = 4


def is_saev(folder: Path) -> bool:
    """Whether saev wrote this folder."""
    return (folder / _ABOUT).is_file() and (folder / _SHARDS).is_file()


def read_saev(
    folder: Path, layer: int | None = None, *, first_positions: bool = False
) -> ActivationCache:
    """The cache of one layer: each example is a document.

    Without the token that stands for the whole example (CLS), where there is one, unless
    `first_positions`.

    Raises:
        FormatError: shards hold more or fewer examples than the folder says, or are cut short.
        InvalidInputError: it holds several layers and none was named, or not the one that was.
    """
    about = _About(folder)
    place = chosen_layer(folder, about.layers, layer)
    for name, n in about.shards:
        wanted = n * len(about.layers) * about.n_tokens * about.d_in * _BYTES
        found = (folder / name).stat().st_size if (folder / name).is_file() else 0
        if found != wanted:
            raise FormatError(
                f"{folder / name}: {n} examples of {len(about.layers)} layers, {about.n_tokens} "
                f"tokens and width {about.d_in} take {wanted:,} bytes, found {found:,}: rows are "
                "missing or too many; record it again"
            )
    keep = first_positions or not about.has_cls
    names = [name for name, _ in about.shards]
    counts = [n for _, n in about.shards]
    starts = dict(zip(names, starts_of(counts), strict=True))
    length = about.n_tokens - (not keep)
    return foreign_cache(
        folder,
        [(name, n * length) for name, n in about.shards],
        read=partial(_rows, about=about, place=place, starts=starts, keep=keep),
        d_in=about.d_in,
        dtype="float32",
        n_documents=sum(counts),
        context=about.n_tokens,
        hook_name=f"layer {about.layers[place]}",
        model_name=about.model,
        dropped={} if keep else {"first_position": sum(counts)},
        part=f"layer {about.layers[place]}",
    )


@final
class _About:
    """What the two JSON files say."""

    def __init__(self, folder: Path) -> None:
        said = Fields(str(folder / _ABOUT), read_mapping(folder / _ABOUT))

        def spelled(*names: str) -> str:
            return next((name for name in names if name in said.values), names[0])

        self.layers = [int(one) for one in _list(said, "layers")]
        self.has_cls = said.flag("cls_token", default=False)
        patches = said.count(spelled("content_tokens_per_example", "n_patches_per_img"), least=1)
        self.n_tokens = patches + self.has_cls
        self.d_in = said.count(spelled("d_model", "d_vit"), least=1)
        self.model = said.optional_text(spelled("ckpt", "vit_ckpt")) or "unknown"
        if said.values.get("dtype", "float32") != "float32":
            raise FormatError(f"{folder / _ABOUT}: dtype must be float32, as saev writes")
        self.shards = _shards(folder)
        n_said = said.count(spelled("n_examples", "n_imgs"))
        n_held = sum(n for _, n in self.shards)
        if n_said != n_held:
            raise FormatError(
                f"{folder}: {_ABOUT} says {n_said:,} examples, {_SHARDS} lists {n_held:,}: "
                "examples are missing or too many; record it again"
            )


def _shards(folder: Path) -> list[tuple[str, int]]:
    listed = read_json(folder / _SHARDS)
    fields = Fields(str(folder / _SHARDS), {"shards": listed}).sections("shards")
    found = []
    for one in fields:
        count = "n_ex" if "n_ex" in one.values else "n_imgs"
        found.append((one.plain_name("name"), one.count(count, least=1)))
    if not found or len({name for name, _ in found}) < len(found):
        raise FormatError(f"{folder / _SHARDS} lists no shard, or one twice; record it again")
    return found


def _list(fields: Fields, key: str) -> list[Any]:
    found = fields.values.get(key)
    whole = isinstance(found, list) and all(isinstance(one, int) for one in found)
    if not whole or not found:
        raise FormatError(f"{fields.where}: {key} must be a list of whole numbers")
    return list(found)


def _rows(path: Path, *, about: _About, place: int, starts: dict[str, int], keep: bool) -> Rows:
    n = dict(about.shards)[path.name]
    shape = (n, len(about.layers), about.n_tokens, about.d_in)
    held = np.memmap(path, dtype=np.float32, mode="r", shape=shape)
    values = torch.from_numpy(np.array(held[:, place]))
    tokens = torch.full(values.shape[:2], UNKNOWN_TOKEN, dtype=torch.int32)
    return rows_of_sequences(values, tokens, first_sequence=starts[path.name], first_positions=keep)
