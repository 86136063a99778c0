"""What a long search shows while it runs, and when it has to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType
from typing import final

from universality.compute.stages import StageBar
from universality.errors import InvalidInputError


@final
class Watch:
    """A bar on stderr, shown when that is a terminal, and a deadline."""

    def __init__(self, *, time_limit: float | None = None, progress: bool = True) -> None:
        if time_limit is not None and not time_limit >= 0:
            raise InvalidInputError(f"time_limit must be at least 0 seconds, got {time_limit}")
        self._deadline = None if time_limit is None else time.monotonic() + time_limit
        self._bar = StageBar(unit="block", progress=progress)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    @property
    def expired(self) -> bool:
        """Whether the time limit has passed."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def shown(self) -> bool:
        """Whether anyone sees the bar."""
        return not self._bar.disable

    def report(self, phase: str, **state: object) -> None:
        """Show what is being done and how far it is."""
        self._bar.total = None
        self._bar.set_description_str(phase, refresh=False)
        self._bar.set_postfix(state)

    def steps(self, n: int, size: int, phase: str) -> Iterator[slice]:
        """Consecutive slices of 0..n, counted on the bar."""
        starts = range(0, n, size)
        self._bar.set_description_str(phase, refresh=False)
        self._bar.reset(total=len(starts))
        for start in starts:
            yield slice(start, min(start + size, n))
            self._bar.update()
