"""Results that are one file: a calibration, and a label with its page beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from universality.errors import InvalidInputError
from universality.publishing.input_paths import Read, paths_of
from universality.reappearance.fitted_forecast import Calibration, read_calibration
from universality.report.label_page import label_page
from universality.results.release_label import Label, check_label_page, read_label
from universality.storage.places import check_holds_no_input
from universality.storage.single_file import new_file


def publish_calibration(
    make: Callable[[], Calibration],
    path: str | Path,
    *,
    inputs: Sequence[Read] = (),
    overwrite: bool = False,
) -> Calibration:
    """The calibration that `make` gives, in a file that is whole or absent.

    Its place is claimed before `make` runs. `inputs` is what `make` reads: the file is none of it.

    Raises:
        OutputError: the file exists and `overwrite` is off, it is no calibration, another process
            writes it, or it cannot be written.
    """
    path = Path(path)
    check_holds_no_input(path, paths_of(*inputs))
    with new_file(path, overwrite=overwrite, is_ours=read_calibration) as staged:
        calibration = make()
        calibration.save(staged)
    return calibration


def publish_label(
    make: Callable[[], Label],
    path: str | Path,
    *,
    inputs: Sequence[Read] = (),
    overwrite: bool = False,
) -> Label:
    """The label that `make` gives, in a file that is whole or absent, and its page beside it.

    Both places are claimed before `make` runs. `inputs` is what `make` reads.

    Raises:
        InvalidInputError: `path` does not end in `.json`.
        OutputError: a file exists and `overwrite` is off, it is no label or no page of one, another
            process writes it, or it cannot be written.
    """
    path = Path(path)
    if path.suffix != ".json":
        raise InvalidInputError(f"--out {path}: a label is a .json file, its page one of .html")
    check_holds_no_input(path, paths_of(*inputs))
    aside = path.with_suffix(".html")
    with (
        new_file(path, overwrite=overwrite, is_ours=read_label) as staged,
        new_file(aside, overwrite=overwrite, is_ours=check_label_page) as page_staged,
    ):
        label = make()
        label.save(staged)
        page_staged.write_text(label_page(label), encoding="utf-8")
    return label
