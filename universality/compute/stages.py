"""The stages of a long command, shown as one line in place of the bars of what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import TypeVar, cast, final

from tqdm import tqdm

_Item = TypeVar("_Item")


class Stage(Enum):
    """What a long command is at, as its user would say it."""

    OPEN = "opening the runs"
    READ = "reading the runs"
    MATCH = "matching latents"
    CHANCE = "asking what chance gives"
    FAMILIES = "finding families"
    JUDGE = "judging what was found"
    EVIDENCE = "gathering evidence"
    WIDTHS = "comparing widths"
    WRITE = "writing the result"


@final
class StageLine:
    """Stage k of n, what is counted in it, and the time that this takes."""

    def __init__(self, stages: Sequence[Stage], show: Callable[[str], None]) -> None:
        self._stages, self._show = tuple(stages), show
        self._stage: Stage | None = None

    def enter(self, stage: Stage) -> None:
        """Say that a stage begins; one that was not announced is part of the last."""
        if stage in self._stages:
            self._stage = stage
            self.count("")

    def count(self, counted: str) -> None:
        """Say how far the stage is."""
        if self._stage is not None:
            number = self._stages.index(self._stage) + 1
            head = f"{number} of {len(self._stages)}: {self._stage.value}"
            self._show(f"{head}, {counted}" if counted else head)

    def close(self) -> None:
        """Leave an empty line."""
        self._show("")


_LINES: list[StageLine] = []
"""Those shown, the innermost last. Of the process, as the terminal is: threads count on it too."""


@contextmanager
def stage_line(stages: Sequence[Stage], show: Callable[[str], None]) -> Iterator[None]:
    """In the block, stages and bars are said by `show`, which replaces what it said last."""
    line = StageLine(stages, show)
    _LINES.append(line)
    try:
        yield
    finally:
        _LINES.remove(line)
        line.close()


def enter_stage(stage: Stage) -> None:
    """Say that a stage begins, where a line of stages is shown."""
    if _LINES:
        _LINES[-1].enter(stage)


class StageBar(tqdm):  # type: ignore[type-arg]
    """A bar on stderr where that is a terminal; where a line of stages is shown, a part of that."""

    def __init__(
        self,
        items: Iterable[object] | None = None,
        *,
        desc: str = "",
        total: int | None = None,
        unit: str = "it",
        progress: bool = True,
    ) -> None:
        self._line = _LINES[-1] if _LINES else None
        super().__init__(
            items,
            desc=desc,
            total=total,
            unit=unit,
            leave=False,
            disable=None if progress else True,
        )

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Draw the bar, or say in the line how far it is."""
        if self._line is None:
            super().display(msg, pos)
        elif msg is None:
            self._line.count(self._counted())

    def _counted(self) -> str:
        """Such as `40 % of nulls, 00:09 left of it`; nothing where no end is known."""
        state = self.format_dict
        n, total, begun = state["n"], state["total"], state["n"] - state["initial"]
        if not total:
            return ""
        said = f"{100 * min(n, total) // total} % of {(self.desc or '').rstrip(': ')}"
        if begun <= 0 or n >= total:
            return said
        left = tqdm.format_interval(state["elapsed"] / begun * (total - n))
        return f"{said}, {left} left of it"


def counted(
    items: Iterable[_Item], desc: str, *, total: int | None = None, progress: bool = True
) -> Iterable[_Item]:
    """The items, counted on a bar."""
    return cast("Iterable[_Item]", StageBar(items, desc=desc, total=total, progress=progress))
