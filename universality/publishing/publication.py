"""From a result to a folder: tables, figures, page, and last of all the manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from universality.compute.stages import Stage, enter_stage
from universality.dictionary import Dictionary
from universality.publishing.input_paths import Read, paths_of
from universality.publishing.publishers import PUBLISHERS, Made, ManyRuns
from universality.report import has_page, page, page_name
from universality.results import Comparison, Investigation, Stability, read_result
from universality.storage.manifest import write_manifest
from universality.storage.places import check_holds_no_input
from universality.storage.staging import staged_folder
from universality.validation import FLAG, PATH, Is, Several, as_tuple, takes


@takes(
    result=Is(
        (Comparison, Stability, Investigation),
        "a result of `compare`, `stability` or `investigate`",
    ),
    folder=PATH,
    runs=Several(Is((Dictionary,), "a dictionary"), least=0),
    overwrite=FLAG,
)
def publish(
    result: Comparison | Stability | Investigation,
    folder: str | Path,
    *,
    runs: Sequence[Dictionary] = (),
    overwrite: bool = False,
) -> Path:
    """The folder that a result was written to, as the commands write it; it is whole or absent.

    Tables, summary, figures with their numbers, `report.html` and a manifest.

    Args:
        result: Of two runs, of many, or of one latent.
        folder: Where to write.
        runs: Of a result of many, those that gave it, in their order: adds their average as
            `consensus/`, where they can be averaged.
        overwrite: Replace an earlier result.

    Raises:
        InvalidInputError: an argument does not fit, or these are not the runs of the result.
        OutputError: the folder exists and `overwrite` is off, it holds anything that this program
            did not write, a run lies in it, another process writes it, or it cannot be written.
    """
    given = as_tuple(runs)
    made = ManyRuns(result, given) if isinstance(result, Stability) else result
    publish_made(lambda: made, folder, inputs=given, overwrite=overwrite)
    return Path(folder)


def publish_made(
    make: Callable[[], Made],
    folder: str | Path,
    *,
    inputs: Sequence[Read] = (),
    overwrite: bool = False,
    command: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
) -> Made:
    """What `make` gives, written to a folder that is whole or absent, by the table of publishers.

    The folder's place is claimed before `make` runs, so that hours of work cannot end at a name
    that is taken. `inputs` is what `make` reads: none of it may lie in the folder. `command` and
    `settings` go into the manifest.

    Raises:
        OutputError: as `publish`.
    """
    folder = Path(folder)
    check_holds_no_input(folder, paths_of(*inputs))
    with staged_folder(folder, overwrite=overwrite) as staged:
        made = make()
        enter_stage(Stage.WRITE)
        publisher = PUBLISHERS[type(made)]
        publisher.write(made, staged)
        _add_pictures(staged)
        write_manifest(staged, publisher.inputs(made), command=command, settings=settings)
    return made


def _add_pictures(folder: Path) -> None:
    from universality.figures import headlines_of, write_figures  # once there is what to draw

    saved = read_result(folder)
    write_figures(headlines_of(saved), folder / "figures")
    if has_page(saved):
        (folder / page_name(saved)).write_text(page(saved), encoding="utf-8")
