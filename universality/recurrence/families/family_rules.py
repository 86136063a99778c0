"""The rules by which a latent counts as found again, and the families each of them gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import UInt64

from universality.recurrence.families.partition import Partition
from universality.recurrence.families.soft_families import soft_families
from universality.runs.partner_table import PartnerTable, reaching, with_both
from universality.runs.views import BOTH


@final
@dataclass(frozen=True, eq=False)
class Rule:
    """One way to tell that two latents are the same: a view, or two views that agree."""

    name: str
    """`decoder`, `encoder`, `activations` or `decoder_and_encoder`."""
    matched: PartnerTable
    """All assigned pairs."""
    threshold: float | None
    """Similarity from which an assigned pair is an edge; None where only assignments are known."""
    edges: PartnerTable
    """The pairs that reach the threshold."""
    partition: Partition
    """The families they form."""

    def edges_at(self, threshold: float | None) -> PartnerTable:
        """The pairs that reach another threshold; all of them for None."""
        return self.matched if threshold is None else reaching(self.matched, threshold)


def find_rules(
    matched: Mapping[str, PartnerTable],
    threshold: float,
    content: UInt64[np.ndarray, " n_latents"] | None = None,
) -> dict[str, Rule]:
    """Edges and families by every view, and by decoder and encoder together where both exist.

    `content` is a hash of what each latent is, for ties between soft families.
    """
    rules = with_both(matched)
    return {name: _rule(name, one, threshold, content) for name, one in rules.items()}


def headline(rules: Mapping[str, Rule]) -> str:
    """The strictest rule there is: both views of directions, else the first view."""
    return BOTH if BOTH in rules else next(iter(rules))


def _rule(
    name: str,
    matched: PartnerTable,
    threshold: float,
    content: UInt64[np.ndarray, " n_latents"] | None,
) -> Rule:
    known = matched.similarity is not None
    edges = reaching(matched, threshold) if known else matched
    return Rule(
        name=name,
        matched=matched,
        threshold=threshold if known else None,
        edges=edges,
        partition=soft_families(edges, content),
    )
