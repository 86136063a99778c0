"""What an interrupted command that can be resumed tells its user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resumable() -> Iterator[None]:
    """Ctrl-C in the block leaves with the advice to run the same command again."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("run the same command again to go on") from None
