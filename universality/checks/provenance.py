"""Checks on where the runs come from: the same model, hook, data and treatment of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from universality.checks.check import Check
from universality.dictionary import Dictionary
from universality.input_normalization import describe_normalization
from universality.naming import same_model, same_place

_CONTEXT_KEYS = ("context_size", "ctx_len", "context_length", "seq_len")
_LOADING = "model_from_pretrained_kwargs"
_SAME_TOKENS = {
    "attn_implementation",
    "default_padding_side",
    "default_prepend_bos",
    "device",
    "device_map",
    "dtype",
    "local_files_only",
    "low_cpu_mem_usage",
    "move_to_device",
    "n_devices",
    "torch_dtype",
    "trust_remote_code",
}


def check_model(
    a: Dictionary, b: Dictionary, *, directions: bool = True, align: str = "none"
) -> Check:
    """Whether both were trained on the same language model.

    Directions of different models voids the comparison where they were compared (`directions`)
    and nobody said that the models share a space (`align`).
    """
    names = a.key.model_name, b.key.model_name
    same = same_model(*names)
    if same is not False or (directions and align == "none"):
        found = _same_name("model", *names, same, "their directions share no space")
        return replace(found, status="fail") if found.status == "warn" else found
    if directions and align != "shared":
        through = f"directions were compared through a map fitted to both (--align {align})"
        return replace(_same_name("model", *names, same, through), status="ok")
    consequence = (
        "--align shared took their directions to share one space, which nothing here shows"
        if directions
        else "their directions share no space and were left out"
    )
    return _same_name("model", *names, same, consequence)


def check_hook(a: Dictionary, b: Dictionary) -> Check:
    """Whether both read the same place of the model."""
    names = a.key.hook_name, b.key.hook_name
    return _same_name("hook", *names, same_place(*names), "their directions may share no space")


def check_loading(a: Dictionary, b: Dictionary) -> Check:
    """Whether both ask for the language model to be loaded in the same way."""
    said = [_find(run.source.config, (_LOADING,)) for run in (a, b)]
    if not any(isinstance(one, Mapping) for one in said):
        return Check("loading", "skipped", None, "no run says how its model was loaded")
    wanted = [_changes(one) if isinstance(one, Mapping) else [] for one in said]
    if wanted[0] != wanted[1]:
        left, right = (", ".join(one) or "no such change" for one in wanted)
        message = (
            f"the runs' model was loaded in different ways ({left}; and {right}): their tokens "
            "differ, and their encoders and codes with them"
        )
        return Check("loading", "warn", None, message)
    changes = ", ".join(wanted[0]) or "its weights as they are"
    return Check("loading", "ok", None, f"both runs' model was loaded alike: {changes}")


def _changes(options: Mapping[str, Any]) -> list[str]:
    """The options that may change what a model computes, in order."""
    return [
        name if value is True else f"{name}={value}"
        for name, value in sorted(options.items())
        if name not in _SAME_TOKENS and value not in (False, None)
    ]


def check_dataset(a: Dictionary, b: Dictionary) -> Check:
    """Whether both were trained on the same data set."""
    return _same("dataset", a.key.dataset, b.key.dataset, "differences may come from the data")


def check_context_length(a: Dictionary, b: Dictionary) -> Check:
    """Whether both saw windows of the same length."""
    length_a, length_b = (_find(run.source.config, _CONTEXT_KEYS) for run in (a, b))
    return _same("context_length", length_a, length_b, "late positions look different")


def check_input_normalization(a: Dictionary, b: Dictionary) -> Check:
    """Whether both treat tokens the same way before encoding."""
    rule_a, rule_b = (describe_normalization(run.input_normalization) for run in (a, b))
    return _same("input_normalization", rule_a, rule_b, "biases and codes differ in scale")


def _same_name(
    what: str, name_a: str | None, name_b: str | None, same: bool | None, consequence: str
) -> Check:
    """As `_same`, for names that different libraries spell in different ways."""
    if same is None and name_a and name_b:
        message = f"whether {name_a} and {name_b} are the same {what} cannot be told"
        return Check(what, "skipped", None, message)
    if same and name_a != name_b:
        message = f"same {what}, under two names: {name_a} and {name_b}"
        return Check(what, "ok", None, message)
    return _same(what, name_a, name_b, consequence)


def _same(name: str, value_a: Any, value_b: Any, consequence: str) -> Check:
    what = name.replace("_", " ")
    if value_a is None or value_b is None:
        return Check(name, "skipped", None, f"a run does not say its {what}")
    if value_a != value_b:
        message = f"the {what} differs ({value_a} and {value_b}): {consequence}"
        return Check(name, "warn", None, message)
    return Check(name, "ok", None, f"same {what}: {value_a}")


def _find(config: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """The first of the keys found in the configuration, at any depth; None when absent."""
    for key in keys:
        if config.get(key) is not None:
            return config[key]
    nested = (value for value in config.values() if isinstance(value, Mapping))
    return next((found for part in nested if (found := _find(part, keys)) is not None), None)
