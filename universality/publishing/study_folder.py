"""What many runs have in common as a folder, with what is kept of it until it is whole."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from universality.activations.cache import ActivationCache
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.encoding.folder import discard
from universality.publishing.input_paths import Read
from universality.publishing.publication import publish_made
from universality.publishing.publishers import FromAssignments, ManyRuns
from universality.recurrence.study import stability, stability_of_assignments
from universality.results import Stability
from universality.runs.opening import dictionary_of
from universality.runs.policy import Policy
from universality.storage.kept import end_store
from universality.storage.owned import in_words
from universality.storage.places import real_place

_log = logging.getLogger(__name__)


def publish_stability(
    runs: Sequence[Dictionary | CodedRun],
    folder: str | Path,
    policy: Policy | None = None,
    *,
    activations: Sequence[ActivationCache | str | Path] = (),
    inputs: Sequence[Path | None] = (),
    overwrite: bool = False,
    command: Sequence[str] = (),
) -> Stability:
    """What many runs have in common, written to a folder that is whole or absent.

    Matched pairs are kept in `<folder>.pairs` until the result is whole, so the same call goes on
    where an interrupted one stopped. The consensus dictionary goes into `consensus/`, where the
    runs can be averaged.

    Raises:
        OutputError: as `publish`.
        InvalidInputError: as `stability`.
    """
    folder, policy = real_place(Path(folder)), policy or Policy()
    store = folder.with_name(f"{folder.name}.pairs")

    def make() -> ManyRuns:
        found = stability(runs, policy, activations=activations, store=store)
        return ManyRuns(found, tuple(dictionary_of(run) for run in runs))

    read: list[Read] = [*runs, *activations, *inputs]
    settings = asdict(policy)
    made = publish_made(
        make, folder, inputs=read, overwrite=overwrite, command=command, settings=settings
    )
    _end(store)
    return made.result


def publish_assignments(
    path: str | Path,
    folder: str | Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    command: Sequence[str] = (),
) -> Stability:
    """What precomputed assignments say of many runs, written as `publish_stability` does.

    Raises:
        OutputError: as `publish`.
        MissingFileError, FormatError, InvalidInputError: as `read_assignments`.
    """
    path = Path(path)
    return publish_made(
        lambda: FromAssignments(stability_of_assignments(path, seed=seed), path),
        folder,
        inputs=[path],
        overwrite=overwrite,
        command=command,
        settings={"seed": seed},
    ).result


def _end(store: Path) -> None:
    """Remove what was kept for a study that is whole, and say what else was found there."""
    if not store.is_dir():
        return
    for codes in store.glob("codes-*"):
        discard(codes)
    left = end_store(store)
    if left:
        _log.warning(
            "%s is left: it holds what this program did not write: %s", store, in_words(left)
        )
