"""What differs between two labels, in lines that can be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from universality.results.release_label import Label

_OF_RUNS = ("spec", "d_sae", "seed", "model_name", "hook_name", "dataset", "activation", "sha256")
_SHARES = ("dead", "duplicated", "fvu")
_ROUNDING = 1e-9


def label_difference(old: Label, new: Label) -> list[str]:
    """A line for everything that is another in the new label; none where nothing is."""
    return [
        *_validity(old.content["validity"], new.content["validity"]),
        *_runs(old, new),
        *_rules(old, new),
        *_tokens(old.content.get("tokens") or {}, new.content.get("tokens") or {}),
    ]


def _validity(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old["valid"] != new["valid"]:
        words = {True: "valid", False: "not valid"}
        yield f"validity: {words[old['valid']]} -> {words[new['valid']]}"
    before, after = (
        {one["check"]: one["message"] for one in found["reasons"]} for found in (old, new)
    )
    yield from (f"  fails now: {after[name]}" for name in after if name not in before)
    yield from (f"  fails no more: {before[name]}" for name in before if name not in after)


def _runs(old: Label, new: Label) -> Iterator[str]:
    before, after = ({run["name"]: run for run in one.content["runs"]} for one in (old, new))
    yield from (f"run {name}: gone" for name in before if name not in after)
    yield from (f"run {name}: new" for name in after if name not in before)
    for name in before:
        if name in after:
            yield from _one_run(name, before[name], after[name])


def _one_run(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in _OF_RUNS:
        if old.get(key) != new.get(key):
            shown = (
                str(one.get(key))[:12] if key == "sha256" else one.get(key) for one in (old, new)
            )
            yield f"run {name}: {key} " + " -> ".join(map(str, shown))
    for key in _SHARES:
        if not _same(old.get(key), new.get(key)):
            yield f"run {name}: {key} {_number(old.get(key))} -> {_number(new.get(key))}"
    if old.get("training") != new.get("training"):
        told = [one.get("training") or {} for one in (old, new)]
        tokens = " -> ".join(f"{one.get('n_presentations') or 'unknown'}" for one in told)
        yield f"run {name}: tokens shown in training {tokens}"


def _rules(old: Label, new: Label) -> Iterator[str]:
    before, after = old.numbers, new.numbers
    for key in [*before, *(key for key in after if key not in before)]:
        name = f"{key[0]}, {key[1]}"
        if key not in after:
            yield f"{name}: {_number(before[key]['value'])} -> no number"
        elif key not in before:
            yield f"{name}: no number -> {_number(after[key]['value'])}"
        elif not _same(before[key]["value"], after[key]["value"]):
            yield f"{name}: {_change(before[key], after[key])}"


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Both values, and the change in standard deviations of a draw of the null where it has one."""
    change = new["value"] - old["value"]
    spread = new.get("null_sd")
    in_draws = f", {change / spread:+.1f} sd of its null" if spread else ""
    return f"{_number(old['value'])} -> {_number(new['value'])} ({change:+.4f}{in_draws})"


def _tokens(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in ("n_tokens", "n_documents"):
        if old.get(key) != new.get(key):
            yield f"activations: {key} {old.get(key)} -> {new.get(key)}"


def _same(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return abs(old - new) <= _ROUNDING


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"
