"""Columns of numbers as the page carries them."""

from __future__ import annotations

import base64
from typing import Any, TypeAlias

import numpy as np

Packed: TypeAlias = dict[str, Any]
"""Kind of a typed array (`f8`, `f4`, `i4`, `i1`, `u1`), and its bytes in base64."""


def packed(values: Any, kind: str) -> Packed:
    """An array, row after row, as base64 of its little-endian bytes."""
    little_endian = np.ascontiguousarray(np.asarray(values).astype(f"<{kind}"))
    return {"kind": kind, "base64": base64.b64encode(little_endian.tobytes()).decode("ascii")}
