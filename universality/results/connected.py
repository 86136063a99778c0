"""A connector with all that was measured of it, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int64

from universality.results.result_files import sentences, three_lines
from universality.results.result_kind import (
    ResultKind,
    files_of,
    read_kept,
    read_named_arrays,
    save_result,
    write_arrays,
)
from universality.results.schemas import CONNECTION
from universality.validation import PATH, takes

CONNECTION_SCHEMA = CONNECTION.written
"""Written into every summary of a connector."""

WEIGHTS_FILE = "connector.safetensors"
"""Where the connector itself lies in the folder of its result."""

ROW_LABELS = ("copy", "or", "and_not", "mixed", "unread")
"""Words for what a row of a connector does."""

_FRAMES = "frames.npz"

_KIND = ResultKind(
    CONNECTION,
    {
        "targets": "targets.parquet",
        "sources": "sources.parquet",
        "edges": "edges.parquet",
        "inputs": "inputs.parquet",
        "degrees": "degrees.csv",
        "path": "path.csv",
        "training": "training.csv",
    },
    {"contexts": "contexts.parquet"},
    (_FRAMES,),
)


@final
@dataclass(frozen=True, eq=False)
class WeightFrames:
    """Standardised weights between a few latents over the fit."""

    step: Int64[np.ndarray, " n_frames"]
    """Steps taken before each frame."""
    targets: Int64[np.ndarray, " n_targets"]
    """Target latents shown."""
    sources: Int64[np.ndarray, " n_sources"]
    """Source latents shown."""
    weights: Float32[np.ndarray, "n_frames n_targets n_sources"]
    """Their standardised weights on the first path."""


@final
@dataclass(frozen=True, eq=False)
class Connection:
    """What a connector is and how well it does, latent by latent."""

    summary: dict[str, Any]
    """The headline numbers, as in `summary.json`."""
    targets: pd.DataFrame
    """One row per target latent: how well it is predicted, what its row does."""
    sources: pd.DataFrame
    """One row per source latent."""
    edges: pd.DataFrame
    """One row per weight that is not zero."""
    inputs: pd.DataFrame
    """One row per target and strongest input: what becomes of the target without it."""
    degrees: pd.DataFrame
    """Weights and degrees over thresholds, in raw and standardised units."""
    path: pd.DataFrame
    """One row per l1 that was fitted."""
    training: pd.DataFrame
    """One row per frame of the fit."""
    frames: WeightFrames
    """Weights over the fit."""
    contexts: pd.DataFrame | None = None
    """Texts on which targets and their inputs fire; None without tokens."""

    def __repr__(self) -> str:
        summary = self.summary
        found = summary["fvu"]["connector"]
        return three_lines(
            f"{summary['source']['name']} to {summary['target']['name']}: "
            f"{summary['weights']['n_weights']:,} weights, {summary['settings']['form']}",
            f"unexplained on held-out tokens: {found['global']:.3f} of all variance, median "
            f"{found['median']:.3f} over {summary['n_judged']:,} latents",
            f"{found['unexplained']:.1%} of the latents are predicted no better than by their mean",
        )

    def _repr_html_(self) -> str:
        fvu = pd.DataFrame(self.summary["fvu"]).T.rename_axis("map").reset_index()
        return sentences(self.summary["answer"]) + fvu.to_html(index=False)

    def save(self, folder: str | Path) -> None:
        """Write `summary.json`, tables and frames into a folder, which is made if it is missing."""
        save_result(self, _KIND, folder, others=self._save_frames)

    def _save_frames(self, folder: Path) -> None:
        write_arrays(folder / _FRAMES, vars(self.frames))


def connection_files(result: Connection) -> list[str]:
    """Names of the files that the result of a connector is saved as."""
    return [*files_of(result, _KIND), _FRAMES, WEIGHTS_FILE]


@takes(folder=PATH)
def read_connection(folder: str | Path) -> Connection:
    """What was saved about a connector in a folder.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a newer version.
    """
    summary, tables = read_kept(folder, _KIND)
    frames = read_named_arrays(Path(folder) / _FRAMES, WeightFrames.__dataclass_fields__)
    return Connection(summary, **tables, frames=WeightFrames(**frames))
