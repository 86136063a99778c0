"""Pictures of a folder of trained runs, beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from universality.results.trained import AGREEMENT, read_trained_runs
from universality.runs.along_training import agreement_along_training
from universality.storage.staged_files import staged_file


def draw_training(
    folder: str | Path,
    *,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
) -> list[Path]:
    """The files of the figures of a folder of trained runs, in `<folder>/figures`.

    How far runs of different seeds agree is computed from their checkpoints and written to
    `<folder>/agreement.csv` first. Files of the same names are replaced, others stay.

    Raises:
        MissingFileError: the folder holds no trained runs.
        OutputError: a file cannot be written.
    """
    from universality.figures import write_figures  # once there is what to draw
    from universality.figures.trained_runs import training_figures_of

    folder = Path(folder)
    read_trained_runs(folder)
    agreement = agreement_along_training(folder)
    if len(agreement):
        with staged_file(folder / AGREEMENT) as staged:
            agreement.to_csv(staged, index=False, float_format="%.6f", lineterminator="\n")
    draws = training_figures_of(read_trained_runs(folder))
    places = folder / "figures"
    places.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".figures.", dir=folder) as made:
        files = write_figures(draws, Path(made), style=style, formats=formats, width=width)
        return [file.replace(places / file.name) for file in files]
