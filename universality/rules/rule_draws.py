"""Runs that share nothing, drawn for rules: turned directions, or codes on other tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch

from universality.codes import rearrange_tokens
from universality.nulls.null import Draw, find_null
from universality.nulls.tokens import permute_windows
from universality.rules.compared_runs import ComparedRuns
from universality.runs.views import RowsByView, Traits


@final
@dataclass(frozen=True, eq=False)
class UnrelatedDraw:
    """One draw in each of the ways that rules ask for, made when one does."""

    runs: ComparedRuns
    """Those that are drawn anew; the first of them stays where the null leaves it."""
    null: str
    """Name of the null of directions."""
    documents: np.ndarray | None
    """Document of each common token; None without activations."""
    seed: int
    """Of the draw."""

    @cached_property
    def each_view(self) -> ComparedRuns:
        """For rules on one view: every view is drawn by itself where the null would mix them."""
        return self._turned(find_null(self.null).draw_each_view)

    @cached_property
    def both_views(self) -> ComparedRuns:
        """For rules on two views, which move together."""
        return self._turned(find_null(self.null).draw)

    @cached_property
    def tokens(self) -> ComparedRuns:
        """For rules on firing: the codes of every run but the first on other tokens."""
        assert self.documents is not None
        generator = self.generator()
        moves = [permute_windows(self.documents, generator=generator) for _ in self.runs.runs[1:]]
        places = [moves[0][0], *(move[1] for move in moves)]
        moved = [
            Traits({}, rearrange_tokens(run.codes, place))
            for run, place in zip(self.runs.runs, places, strict=True)
            if run.codes is not None
        ]
        return ComparedRuns(tuple(moved), self.runs.device)

    def generator(self) -> torch.Generator:
        """The source of chance of this draw, from its beginning."""
        return torch.Generator().manual_seed(self.seed)

    def _turned(self, draw: Draw) -> ComparedRuns:
        rows = independent_rows([run.directions for run in self.runs.runs], draw, self.generator())
        return ComparedRuns(tuple(Traits(one) for one in rows), self.runs.device)


def independent_rows(
    runs: Sequence[RowsByView], draw: Draw, generator: torch.Generator
) -> list[RowsByView]:
    """Directions of as many runs, of the same shapes, that share nothing with each other."""
    drawn = list(draw(runs[0], runs[1], generator=generator))
    return drawn + [draw(runs[0], run, generator=generator)[1] for run in runs[2:]]


def draws_of(
    runs: ComparedRuns, *, null: str, n_draws: int, documents: np.ndarray | None, seed: int
) -> Iterator[UnrelatedDraw]:
    """As many draws, each with a seed of its own."""
    for one in np.random.SeedSequence(seed).generate_state(n_draws).tolist():
        yield UnrelatedDraw(runs, null, documents, one)


def untrained_rows(runs: ComparedRuns, seed: int) -> list[RowsByView]:
    """Directions of runs of these shapes at initialisation, encoder tied to decoder."""
    generator = torch.Generator().manual_seed(seed)
    draw = find_null("untrained").draw
    return independent_rows([run.directions for run in runs.runs], draw, generator)
