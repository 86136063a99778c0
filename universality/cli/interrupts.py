"""How commands end when a signal tells them to, and what they tell their user then."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

from universality.storage.held_interrupts import INTERRUPTS


@final
class Signals:
    """The signals that ask a command to end: each ends it as Ctrl-C does, nothing half written."""

    def __init__(self) -> None:
        self._came = signal.SIGINT

    @property
    def exit_code(self) -> int:
        """128 and the number of the signal that came, as shells count."""
        return 128 + self._came

    @contextmanager
    def caught(self) -> Iterator[None]:
        """While the block runs; a signal that was to be ignored (`nohup`) still is."""
        ours = [n for n in INTERRUPTS if signal.getsignal(n) is signal.SIG_DFL]
        if threading.current_thread() is not threading.main_thread():
            ours = []
        for number in ours:
            signal.signal(number, self._end)
        try:
            yield
        finally:
            for number in ours:
                signal.signal(number, signal.SIG_DFL)

    def _end(self, number: int, _: FrameType | None) -> None:
        self._came = signal.Signals(number)
        raise KeyboardInterrupt


@contextmanager
def resumable() -> Iterator[None]:
    """Ctrl-C in the block leaves with the advice to run the same command again."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("run the same command again to go on") from None
