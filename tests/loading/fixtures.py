"""The committed checkpoints and the outputs that their own libraries gave for them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(os.environ.get("FIXTURES", Path(__file__).resolve().parents[1] / "fixtures"))
CHECKPOINTS = ROOT / "checkpoints"
CASES = sorted(
    path.relative_to(ROOT / "expected").with_suffix("").as_posix()
    for path in (ROOT / "expected").rglob("*.npz")
)


def expected(case: str) -> dict[str, Tensor]:
    with np.load(ROOT / "expected" / f"{case}.npz", allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def about(case: str) -> dict[str, str]:
    return json.loads((ROOT / "expected" / f"{case}.json").read_text())


def address(case: str) -> str:
    return str(CHECKPOINTS / about(case).get("address", case))


def how(case: str) -> dict[str, object]:
    """Keyword arguments that loading this case needs."""
    return about(case).get("load", {})


def difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.double() - theirs.double()).abs().max())
