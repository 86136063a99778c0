"""The line of stages that a person sees while a command computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from universality.cli.terminal import show_progress

if TYPE_CHECKING:
    from universality.compute.stages import Stage


def stages_of_comparison(*, verbose: bool) -> AbstractContextManager[None]:
    """The stages of `compare`, on one line, or with `verbose` the bars of all that it does."""
    from universality.compute.stages import Stage

    return _shown(
        (
            *(Stage.OPEN, Stage.READ, Stage.MATCH, Stage.CHANCE, Stage.JUDGE),
            *(Stage.EVIDENCE, Stage.WRITE),
        ),
        verbose=verbose,
    )


def stages_of_study(*, verbose: bool) -> AbstractContextManager[None]:
    """Those of `stability`."""
    from universality.compute.stages import Stage

    return _shown(
        (
            *(Stage.OPEN, Stage.READ, Stage.MATCH, Stage.FAMILIES, Stage.CHANCE),
            *(Stage.JUDGE, Stage.WIDTHS, Stage.WRITE),
        ),
        verbose=verbose,
    )


def _shown(stages: Sequence[Stage], *, verbose: bool) -> AbstractContextManager[None]:
    from universality.compute.stages import stage_line

    return nullcontext() if verbose else _begun(stage_line(stages, show_progress), stages[0])


@contextmanager
def _begun(line: AbstractContextManager[None], first: Stage) -> Iterator[None]:
    """The line with its first stage shown at once, before anything large is imported."""
    from universality.compute.stages import enter_stage

    with line:
        enter_stage(first)
        yield
