"""A toy experiment as it is kept: the summary, the true directions and the frames of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float

from universality.results.result_kind import (
    ResultKind,
    read_kept,
    read_named_arrays,
    save_result,
    write_arrays,
)
from universality.results.schemas import TOY

TOY_SCHEMA = TOY.written
"""Written into every summary of a toy experiment."""

FRAMES = "frames.npz"
"""Where the frames lie in the folder of a toy experiment."""

_KIND = ResultKind(TOY, {}, others=(FRAMES,))
_ARRAYS = ("step", "probe", "W_enc", "W_dec", "reconstruction", "active_fraction", "resampled")


@final
@dataclass(frozen=True, eq=False)
class ToyResult:
    """What a toy experiment gave."""

    summary: dict[str, Any]
    """The headline numbers, as in `summary.json`."""
    W: Float[np.ndarray, "d_hidden n_features"]
    """Directions of the features in the hidden space of the toy model."""
    frames: Mapping[str, np.ndarray]
    """`step` (n_frames), `probe` (n_inst n d_hidden), and with n_frames n_inst first: `W_enc` and
    `W_dec` (d_sae d_hidden), `reconstruction` of the probe (n d_hidden), `active_fraction` and
    `resampled` (d_sae) since the frame before."""

    def save(self, folder: str | Path) -> None:
        """Write `summary.json` and `frames.npz` into a folder, which is made if it is missing."""
        save_result(self, _KIND, folder, others=self._save_frames)

    def _save_frames(self, folder: Path) -> None:
        write_arrays(folder / FRAMES, {"W": self.W, **self.frames})


def read_toy(folder: str | Path) -> ToyResult:
    """What was saved of a toy experiment in a folder.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a newer version.
    """
    summary, _ = read_kept(folder, _KIND)
    arrays = read_named_arrays(Path(folder) / FRAMES, ("W", *_ARRAYS))
    return ToyResult(summary, arrays.pop("W"), arrays)
