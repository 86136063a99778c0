"""Checks on where the runs come from: the same model, hook, data and treatment of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Any

from universality.checks.check import Check
from universality.dictionary import Dictionary
from universality.input_normalization import describe

_CONTEXT_KEYS = ("context_size", "ctx_len", "context_length", "seq_len")
_DRIFT = 0.02


def check_model(a: Dictionary, b: Dictionary) -> Check:
    """Whether both were trained on the same language model."""
    return _same("model", a.key.model_name, b.key.model_name, "their directions share no space")


def check_hook(a: Dictionary, b: Dictionary) -> Check:
    """Whether both read the same place of the model."""
    return _same("hook", a.key.hook_name, b.key.hook_name, "their directions may share no space")


def check_dataset(a: Dictionary, b: Dictionary) -> Check:
    """Whether both were trained on the same data set."""
    return _same("dataset", a.key.dataset, b.key.dataset, "differences may come from the data")


def check_context_length(a: Dictionary, b: Dictionary) -> Check:
    """Whether both saw windows of the same length."""
    length_a, length_b = (_find(run.source.config, _CONTEXT_KEYS) for run in (a, b))
    return _same("context_length", length_a, length_b, "late positions look different")


def check_input_normalization(a: Dictionary, b: Dictionary) -> Check:
    """Whether both treat tokens the same way before encoding."""
    rule_a, rule_b = (describe(run.input_normalization) for run in (a, b))
    return _same("input_normalization", rule_a, rule_b, "biases and codes differ in scale")


def check_convergence(a: Dictionary, b: Dictionary) -> Check:
    """Whether a training record says far from converged; the value is the larger late change.

    The change is how much the FVU fell, as a fraction, from the last but one tenth of training to
    the last.
    """
    changes = [change for run in (a, b) if (change := _late_change(run)) is not None]
    if not changes:
        message = "no training record says whether the runs had converged"
        return Check("convergence", "skipped", None, message)
    largest = max(changes)
    about = f"the FVU fell by {largest:.1%} in the last tenth of training"
    if largest > _DRIFT:
        message = f"{about}: far from converged, and agreement rises with training"
        return Check("convergence", "warn", largest, message)
    return Check("convergence", "ok", largest, about)


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


def _late_change(run: Dictionary) -> float | None:
    history = run.source.config.get("training_record", {}).get("history", [])
    fvu: list[float] = [point["fvu"] for point in history]
    tenth = len(fvu) // 10
    if not tenth:
        return None
    before, last = mean(fvu[-2 * tenth : -tenth]), mean(fvu[-tenth:])
    return (before - last) / before
