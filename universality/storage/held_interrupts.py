"""Steps that no signal may part: what comes meanwhile is done when they are taken."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

_Handler: TypeAlias = Callable[[int, FrameType | None], object]

INTERRUPTS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals that ask a program to end."""


@contextmanager
def shielded() -> Iterator[None]:
    """Signals that ask to end wait until the block has ended.

    Python gives signals to the main thread alone; elsewhere nothing is to be done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    handlers = {number: signal.getsignal(number) for number in INTERRUPTS}
    ours: dict[int, _Handler] = {n: one for n, one in handlers.items() if callable(one)}
    for number in ours:
        signal.signal(number, lambda came, _: waiting.append(came))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
    for number in waiting[:1]:
        ours[number](number, None)
