"""Hidden states that vLLM extracted: a safetensors file per request.

`hidden_states` (tokens, layers, width) and `token_ids` (tokens), as its connector for extracted
hidden states writes. Files do not tell which layers: they are counted from 0 in the order that was
asked for.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import chosen_layer, foreign_cache, rows_of_sequences
from universality.activations.shards import Rows
from universality.errors import FormatError
from universality.intake.tensor_files import opened_safetensors, take_whole_numbers

_STATES, _TOKENS = "hidden_states", "token_ids"
_AGAIN = "extract it again"


def is_vllm(folder: Path) -> bool:
    """Whether vLLM wrote the first safetensors file of a folder, by the names of its tensors."""
    path = min(folder.glob("*.safetensors"), default=None)
    if path is None:
        return False
    with opened_safetensors(path) as file:
        return {_STATES, _TOKENS} <= set(file.keys())


def read_vllm(
    folder: Path, layer: int | None = None, *, first_positions: bool = False
) -> ActivationCache:
    """The cache of one layer: each request is a document.

    Without the first position of each request, unless `first_positions`. A request that was
    answered twice, with the same tokens and states, counts once (`dropped`).

    Raises:
        FormatError: a file is damaged, has more or fewer states than tokens, or other layers or
            width than the first.
        InvalidInputError: there are several layers and none was named, or not the one that was.
    """
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    shapes = {name: _shape(folder / name) for name in names}
    _, n_layers, d_in = shapes[names[0]]
    odd = [name for name in names if shapes[name][1:] != (n_layers, d_in)]
    if odd:
        raise FormatError(
            f"{folder / odd[0]}: layers and width are {shapes[odd[0]][1:]}, those of {names[0]} "
            f"{(n_layers, d_in)}; {_AGAIN}"
        )
    place = chosen_layer(folder, range(n_layers), layer)
    once = _without_repeated(folder, names)
    length = {name: shapes[name][0] - (not first_positions) for name in once}
    used = [name for name in once if length[name] > 0]
    if not used:
        raise FormatError(f"{folder}: no request has more than one token; {_AGAIN}")
    numbers = {name: number for number, name in enumerate(used)}
    read = partial(_rows, place=place, numbers=numbers, first_positions=first_positions)
    dropped = {} if first_positions else {"first_position": len(once)}
    if len(once) < len(names):
        dropped["duplicate_documents"] = len(names) - len(once)
    return foreign_cache(
        folder,
        [(name, length[name]) for name in used],
        read=read,
        d_in=d_in,
        dtype=str(read(folder / used[0]).activations.dtype).removeprefix("torch."),
        n_documents=len(used),
        context=max(shapes[name][0] for name in used),
        hook_name=f"hidden_states[{place}]",
        dropped=dropped,
        part=f"layer {place}",
    )


def _rows(path: Path, *, place: int, numbers: dict[str, int], first_positions: bool) -> Rows:
    states, tokens = _content(path)
    return rows_of_sequences(
        states[None, :, place],
        tokens[None].to(torch.int32),
        first_sequence=numbers[path.name],
        first_positions=first_positions,
    )


def _content(path: Path) -> tuple[Tensor, Tensor]:
    with opened_safetensors(path, advice=_AGAIN) as file:
        return file.get_tensor(_STATES), take_whole_numbers(file, _TOKENS, path)


def _shape(path: Path) -> tuple[int, int, int]:
    with opened_safetensors(path, advice=_AGAIN) as file:
        shape = tuple(file.get_slice(_STATES).get_shape())
        n_tokens = tuple(file.get_slice(_TOKENS).get_shape())
    if len(shape) != 3 or not all(shape):
        raise FormatError(f"{path}: {_STATES} must be (tokens, layers, width), got shape {shape}")
    if n_tokens != shape[:1]:
        raise FormatError(
            f"{path}: {shape[0]} hidden states for token ids of shape {n_tokens}: rows are missing "
            f"or too many; {_AGAIN}"
        )
    return shape[0], shape[1], shape[2]


def _without_repeated(folder: Path, names: list[str]) -> list[str]:
    """The files, of those with the same tokens and states the first alone."""
    seen: dict[str, str] = {}
    for name in names:
        states, tokens = _content(folder / name)
        digest = hashlib.sha256(tokens.long().numpy().tobytes())
        digest.update(states.contiguous().view(torch.uint8).numpy().tobytes())
        seen.setdefault(digest.hexdigest(), name)
    return list(seen.values())
