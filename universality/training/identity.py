"""What a run depends on: finished work is recognised by this, not by the name of its folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from universality.activations.cache import ActivationCache
from universality.errors import OutputError
from universality.models.precision import resolve_dtype
from universality.training.settings import TrainingSettings

TRAINER = 1
"""Raised whenever equal settings would give other weights than before."""

_FIRST_SCHEMA = {
    "start": "seed", "clip_norm": 0.0, "bias_start": "mean", "held_out": 0.0, "trainer": 1
}  # fmt: skip
_WORDS = {
    "activations": "the cache of activations",
    "trainer": "the version of the trainer",
    "weights_dtype": "the number format of the saved weights",
}


def dependencies(
    settings: TrainingSettings,
    cache: ActivationCache,
    *,
    weights_dtype: torch.dtype,
    device: torch.device | str,
) -> dict[str, Any]:
    """Everything that decides a run's files, by name, for JSON.

    The number format is the one that `auto` means on this device. The thread count, which moves
    last digits, is not part of it.
    """
    dtype = str(resolve_dtype(settings.dtype, device)).removeprefix("torch.")
    return settings.as_record() | {
        "dtype": dtype,
        "weights_dtype": str(weights_dtype).removeprefix("torch."),
        "activations": describe_cache(cache),
        "trainer": TRAINER,
    }


def describe_cache(cache: ActivationCache) -> str:
    """The place, size and digest of a cache, which name it wherever it lies."""
    meta = cache.meta
    return f"{meta.n_tokens:,} tokens of {meta.model_name}, {meta.hook_name}, sha256 {meta.sha256}"


def digest(depends_on: Mapping[str, Any]) -> str:
    """Sha256 over the dependencies in a canonical spelling."""
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def dependencies_of_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a finished run says it depends on; records of the first schema are completed."""
    if "depends_on" in record:
        return dict(record["depends_on"])
    settings = dict(record.get("settings", {}))
    settings.pop("l1" if settings.get("architecture") == "topk" else "k", None)
    return settings | _FIRST_SCHEMA | {"cache_sha256": record.get("cache_sha256")}


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What differs, a phrase each: `k is 32 there, 16 asked for`."""
    wanted = dict(wanted)
    if "cache_sha256" in found:
        sha256 = wanted.pop("activations").rsplit(" ", 1)[1]
        wanted["cache_sha256"] = sha256
        for unrecorded in ("weights_dtype", "dtype"):
            wanted.pop(unrecorded, None)
        found = {name: value for name, value in found.items() if name != "dtype"}
    return [
        f"{_WORDS.get(name, name)} is {_shown(found, name)} there, {_shown(wanted, name)} asked for"
        for name in sorted({*found, *wanted})
        if found.get(name) != wanted.get(name)
    ]


def check_same(folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Nothing, when the run in the folder depends on what is asked for.

    Raises:
        OutputError: it does not; what differs is named, both sides.
    """
    differing = differences(found, wanted)
    if differing:
        raise OutputError(
            f"{folder}: holds another run: {'; '.join(differing)}. Choose another --out, or give "
            "the options and the cache of that run"
        )


def _shown(values: Mapping[str, Any], name: str) -> str:
    return str(values[name]) if name in values else "not stated"
