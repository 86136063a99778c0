"""What a release is asked to meet, and whether its label does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from universality.errors import InvalidInputError
from universality.results.release_label import Label, beaten_floors


@final
@dataclass(frozen=True)
class Requirement:
    """One thing that was asked for."""

    text: str
    """What, as it was asked."""
    met: bool
    """Whether the label meets it."""
    found: str
    """What the label has."""


@final
@dataclass(frozen=True)
class Demands:
    """Everything that is asked of a label; None and empty ask nothing."""

    least: Mapping[str, float] = field(default_factory=dict)
    """By rule, or `rule:quantity`, the smallest value that will do."""
    most: Mapping[str, float] = field(default_factory=dict)
    """The same for the largest."""
    above_floors: bool = False
    """Whether every rule asked for must lie above its null and every floor."""
    max_dead: float | None = None
    """Largest share of dead latents in any run."""
    max_duplicated: float | None = None
    """Largest share of latents with a twin in their own run."""
    max_fvu: float | None = None
    """Largest fraction of variance unexplained; a run without one does not meet it."""
    min_tokens: int | None = None
    """Fewest tokens shown in training; a run that does not say it does not meet it."""
    allow_invalid: bool = False
    """Whether a failed check may pass."""


def requirements(label: Label, demands: Demands) -> list[Requirement]:
    """Every demand with what was found; validity is always asked for unless allowed to be missing.

    Raises:
        InvalidInputError: a rule is asked for that the label has no row of.
    """
    return [
        *_of_validity(label, demands),
        *_of_rules(label, demands),
        *_of_runs(label, demands),
    ]


def _of_validity(label: Label, demands: Demands) -> Iterator[Requirement]:
    if not demands.allow_invalid:
        validity = label.content["validity"]
        reasons = "; ".join(reason["message"] for reason in validity["reasons"])
        yield Requirement("valid", bool(validity["valid"]), reasons or "no check failed")


def _of_rules(label: Label, demands: Demands) -> Iterator[Requirement]:
    for name, bound in demands.least.items():
        row = _row(label, name)
        yield _bounded(f"{name} at least {bound:g}", row, row["value"], least=bound)
    for name, bound in demands.most.items():
        row = _row(label, name)
        yield _bounded(f"{name} at most {bound:g}", row, row["value"], most=bound)
    if demands.above_floors:
        for name in demands.least or [row["rule"] for row in label.content["rules"]]:
            row = _row(label, name)
            if row["value"] is None:
                yield Requirement(f"{name} above its floors", False, str(row["reason_skipped"]))
                continue
            above, not_above = beaten_floors(row)
            found = f"not above {', '.join(not_above)}" if not_above else f"above {_all(above)}"
            yield Requirement(f"{name} above its floors", not not_above, found)


def _of_runs(label: Label, demands: Demands) -> Iterator[Requirement]:
    asked = (
        ("dead", demands.max_dead, "dead latents"),
        ("duplicated", demands.max_duplicated, "latents with a twin"),
        ("fvu", demands.max_fvu, "FVU"),
    )
    for key, most, words in asked:
        if most is not None:
            yield _largest(label, key, most, words)
    if demands.min_tokens is not None:
        shown = {run["name"]: _shown(run) for run in label.content["runs"]}
        fewest = min((-1 if n is None else n, name) for name, n in shown.items())
        found = f"{fewest[1]} " + ("does not say" if fewest[0] < 0 else f"{fewest[0]:,}")
        met = fewest[0] >= demands.min_tokens
        yield Requirement(f"at least {demands.min_tokens:,} tokens in training", met, found)


def _largest(label: Label, key: str, most: float, words: str) -> Requirement:
    found = {run["name"]: run.get(key) for run in label.content["runs"]}
    unknown = [name for name, value in found.items() if value is None]
    if unknown:
        return Requirement(f"{words} at most {most:g}", False, f"unknown of {unknown[0]}")
    value, name = max((value, name) for name, value in found.items())
    return Requirement(f"{words} at most {most:g}", value <= most, f"{value:.4g} in {name}")


def _bounded(
    text: str,
    row: Mapping[str, Any],
    value: float | None,
    *,
    least: float | None = None,
    most: float | None = None,
) -> Requirement:
    if value is None:
        return Requirement(text, False, f"skipped: {row['reason_skipped']}")
    met = (least is None or value >= least) and (most is None or value <= most)
    return Requirement(text, met, f"{value:.4f} (null {row['null_mean']:.4f})")


def _row(label: Label, name: str) -> Mapping[str, Any]:
    """The row of `rule`, its first, or of `rule:quantity`."""
    rule, _, quantity = name.partition(":")
    rows: list[dict[str, Any]] = [row for row in label.content["rules"] if row["rule"] == rule]
    wanted = [row for row in rows if not quantity or row.get("quantity") == quantity]
    if not wanted:
        known = ", ".join(
            f"{row['rule']}:{row['quantity']}" for row in rows or label.content["rules"]
        )
        raise InvalidInputError(f"the label has no {name!r}; it has {known}")
    return wanted[0]


def _shown(run: Mapping[str, Any]) -> int | None:
    training = run.get("training")
    return None if not training else training["n_presentations"]


def _all(names: list[str]) -> str:
    return ", ".join(names) or "nothing, for nothing stands beside it"
