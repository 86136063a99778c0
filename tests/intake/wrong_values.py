"""What is put in the place of what belongs there."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Mutator = Callable[[Path, random.Random], None]

_HEADER = 100 * 2**20
NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "-1", "0.5", "1" + "0" * 400, "1e308", "2e19")
WORDS = (
    "", "\ud800", "a\0b", "\x1b[2J\x1b]0;x\x07", "x" * 100_000, "../../etc/passwd", "/dev/zero",
    "\u2028\u202e", "$\\frac{", "<script>", "NaN", "none", "1", "a\nb",
)  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, [], {}, [[]], {"a": 1}, [None], 0, -1, 7, 2**63, 0.5, *WORDS)
