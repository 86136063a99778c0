"""Weights that lie one level down in a torch file, or under a wrapper's prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from torch import Tensor

from universality.loading.tensors import TensorFile
from universality.loading.torch_files import from_mapping

_SECTIONS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("_orig_mod.", "module.")


def laid_bare(tensors: TensorFile) -> TensorFile:
    """The tensors themselves, where training wrapped them; a note says what was taken off.

    A training checkpoint holds no tensors of its own and one section with them (`state_dict`,
    `model_state_dict` or `model`); `torch.compile` and data-parallel training put `_orig_mod.` and
    `module.` before every name.
    """
    return _without_prefixes(_section(tensors))


def _section(tensors: TensorFile) -> TensorFile:
    found = [name for name in _SECTIONS if _holds_tensors(tensors.others.get(name))]
    if tensors.entries or len(found) != 1:
        return tensors
    inner = from_mapping(f"{tensors.where}: {found[0]}", tensors.others[found[0]])
    others = {key: value for key, value in tensors.others.items() if key != found[0]}
    note = f"its weights lie under {found[0]!r}"
    return replace(inner, others={**others, **inner.others}, notes=(*tensors.notes, note))


def _holds_tensors(section: object) -> bool:
    return isinstance(section, Mapping) and any(isinstance(v, Tensor) for v in section.values())


def _without(prefix: str, name: str) -> str:
    return name.removeprefix(prefix)


def _without_prefixes(tensors: TensorFile) -> TensorFile:
    for prefix in _PREFIXES:
        if tensors.entries and all(name.startswith(prefix) for name in tensors.entries):
            bare = tensors.renamed(partial(_without, prefix))
            note = f"{prefix!r} before every name was left out"
            return _without_prefixes(replace(bare, notes=(*tensors.notes, note)))
    return tensors
