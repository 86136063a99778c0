"""A published rule as a record: what it gives, what it needs, and how its chance is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import torch

from universality.rules.compared_runs import ComparedRuns, RuleReading

Need: TypeAlias = Literal[
    "decoder", "encoder", "decoder rows", "activations", "two widths", "truth"
]
"""What a rule cannot do without: directions in one space, decoder rows in any, codes, runs of
different widths, a truth."""
Chance: TypeAlias = Literal["each view", "both views", "tokens", "own"]
"""How runs that share nothing are drawn for it: directions, each view by itself or both together;
codes on other tokens; or by a way of the rule's own."""


@final
@dataclass(frozen=True, eq=False)
class PublishedRule:
    """One way of the literature to say in a number how much runs have in common."""

    name: str
    """First author and year of what defines it."""
    source: str
    """Its key in the list of references."""
    about: str
    """What it says, in a few words."""
    needs: tuple[Need, ...]
    """What it cannot do without."""
    read: Callable[[ComparedRuns], list[RuleReading]]
    """Its numbers, of two runs or more."""
    chance: Chance
    """How runs that share nothing are drawn."""
    read_by_chance: Callable[[ComparedRuns, torch.Generator], list[RuleReading]] | None = None
    """One draw, for rules whose chance is their own."""
    aliases: tuple[str, ...] = ()
    """What else it is called."""
