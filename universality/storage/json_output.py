"""JSON as it lies on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from universality.storage.staged_files import staged_file


def write_json(content: Any, path: Path) -> None:
    """Write content as JSON, whole or not at all."""
    with staged_file(path) as staged:
        staged.write_text(as_json(content), encoding="utf-8")


def as_json(content: Any) -> str:
    """JSON that any reader accepts: indented, no NaN, ending in a newline."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
