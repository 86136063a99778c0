"""SAELens' `cfg.json` through its history, brought to one flat spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from universality.loading.configs import Config

_RENAMED = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}


def migrated(config: Config, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration with version 6's keys, those of its `metadata` beside the others.

    `overrides`, which SAELens' list of releases states, take the place of the file's own words.

    Files before version 6 were flat, before version 3 spelled hooks otherwise, wrote the
    normalisation as a truth value, and named top-k by its activation function.
    """
    nested = config.section("metadata").values
    values: dict[str, Any] = {**nested, **config.values, **(overrides or {})}
    for old, new in _RENAMED.items():
        if old in values:
            values.setdefault(new, values[old])
    kind = values.get("normalize_activations")
    if isinstance(kind, bool):
        values["normalize_activations"] = "expected_average_only_in" if kind else "none"
    _name_topk(Config(config.where, values), values)
    return Config(config.where, values)


def _name_topk(config: Config, values: dict[str, Any]) -> None:
    k = config.section("activation_fn_kwargs").integer("k")
    if config.values.get("activation_fn") == "topk" and k is not None:
        values["architecture"] = "topk"
        values["k"] = k
