"""What a run depends on: finished work is recognised by this, not by the name of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from universality.activations.cache import ActivationCache
from universality.models.precision import resolve_dtype
from universality.training.settings import TrainingSettings

TRAINER = 1
"""Raised whenever equal settings would give other weights than before."""

_ADDED = {"resampling": "none", "resample_every": 0.125, "target_sha256": None}
_FIRST_SCHEMA = {
    "start": "seed",
    "clip_norm": 0.0,
    "bias_start": "mean",
    "held_out": 0.0,
    "trainer": 1,
}


def dependencies(
    settings: TrainingSettings,
    cache: ActivationCache,
    *,
    weights_dtype: torch.dtype,
    device: torch.device | str,
    target: ActivationCache | None = None,
) -> dict[str, Any]:
    """Everything that decides a run's files, by name, for JSON.

    The number format is the one that `auto` means on this device. The thread count, which moves
    last digits, is not part of it.
    """
    dtype = str(resolve_dtype(settings.dtype, device)).removeprefix("torch.")
    return settings.as_record() | {
        "dtype": dtype,
        "weights_dtype": str(weights_dtype).removeprefix("torch."),
        "cache_sha256": cache.meta.sha256,
        "cache": describe_cache(cache),
        "target_sha256": None if target is None else target.meta.sha256,
        "trainer": TRAINER,
    }


def describe_cache(cache: ActivationCache) -> str:
    """The place in a model that a cache holds, which names it wherever it lies."""
    return f"{cache.meta.hook_name} of {cache.meta.model_name}"


def noted(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a finished run says it depends on.

    Records of the first schema said less: what they leave out is taken to be as wanted, but for
    what has changed since.
    """
    if "depends_on" in record:
        return _ADDED | dict(record["depends_on"])
    settings = dict(record.get("settings", {})) | _FIRST_SCHEMA | _ADDED
    unsaid = {name: wanted[name] for name in ("dtype", "weights_dtype", "cache")}
    return dict(wanted) | settings | {"cache_sha256": record.get("cache_sha256")} | unsaid
