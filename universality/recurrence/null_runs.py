"""What runs without anything in common give: the null of every many-run statistic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

from universality.runs.matches import MatchedRuns

BOTH = "decoder_and_encoder"
"""The rule under which a pair counts when both views name it."""

Found: TypeAlias = Mapping[tuple[str, str, float | None], float]
"""Statistics by name (`mean`, `share`, `cycle`, `agreement`), rule and threshold."""


@final
@dataclass(frozen=True, eq=False)
class RunsNull:
    """Statistics of unrelated runs; whatever the null does not cover is missing from it."""

    name: str
    """Name of the null."""
    description: str
    """How it was drawn, in a sentence."""
    mean: Mapping[str, float]
    """Mean similarity of assigned pairs, by view."""
    share: Mapping[tuple[str, float | None], float]
    """Probability that a latent is found in another run, by rule and threshold."""
    cycle: Mapping[str, float]
    """Cycle consistency, by rule."""
    agreement: float | None
    """Decoder-encoder agreement; None where either view is missing."""


def null_from(name: str, description: str, found: Found) -> RunsNull:
    """The null with these statistics."""
    return RunsNull(
        name=name,
        description=description,
        mean={rule: value for (kind, rule, _), value in found.items() if kind == "mean"},
        share={(rule, t): value for (kind, rule, t), value in found.items() if kind == "share"},
        cycle={rule: value for (kind, rule, _), value in found.items() if kind == "cycle"},
        agreement=found.get(("agreement", BOTH, None)),
    )


def joined(first: RunsNull, second: RunsNull) -> RunsNull:
    """Two nulls that cover different rules as one."""
    return RunsNull(
        name=f"{first.name}; {second.name}",
        description=f"{first.description}; {second.description}",
        mean={**first.mean, **second.mean},
        share={**first.share, **second.share},
        cycle={**first.cycle, **second.cycle},
        agreement=first.agreement if first.agreement is not None else second.agreement,
    )


def random_assignments(matched: Mapping[str, MatchedRuns]) -> RunsNull:
    """Assignments drawn uniformly and independently: exact, for files without weights.

    Whether two steps lead where one leads does not depend on whether the other view agrees, so
    cycles by both views have the chance 1/n of one view.
    """
    n = min(min(one.sizes) for one in matched.values())
    found: dict[tuple[str, str, float | None], float] = {
        ("share", view, None): 1.0 for view in matched
    }
    rules = list(matched)
    if {"decoder", "encoder"} <= set(matched):
        rules.append(BOTH)
        found["share", BOTH, None] = found["agreement", BOTH, None] = 1 / n
    found |= {("cycle", rule, None): 1 / n for rule in rules}
    description = "assignments drawn uniformly and independently, exact"
    return null_from("random assignments", description, found)
