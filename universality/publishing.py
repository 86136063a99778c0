"""From a comparison to a folder: tables, figures, report, and last of all the manifest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from universality.activations.cache import ActivationCache
from universality.dictionary import Dictionary
from universality.errors import OutputError, UnsupportedError
from universality.figures import figures_of, headlines_of, write_figures
from universality.recurrence.study import consensus_of, stability, stability_of_assignments
from universality.report import page
from universality.results import Comparison, Stability, read_result
from universality.runs.policy import Policy
from universality.saving import save
from universality.storage.manifest import MANIFEST, hash_file, refresh_manifest, write_manifest
from universality.storage.staging import staged_folder


def publish(
    make: Callable[[], Comparison],
    folder: str | Path,
    *,
    overwrite: bool = False,
    command: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
) -> Comparison:
    """The comparison that `make` gives, written to a folder that is whole or absent.

    The folder's place is claimed before `make` runs, so that hours of work cannot end at a name
    that is taken. `command` and `settings` go into the manifest.

    Raises:
        OutputError: the folder exists and `overwrite` is off, it exists and was not written by
            this function, or it cannot be written.
    """
    folder = Path(folder)
    _check_ours(folder, overwrite=overwrite)
    with staged_folder(folder, overwrite=overwrite) as staged:
        comparison = make()
        comparison.save(staged)
        _add_pictures(staged)
        inputs = {side: comparison.summary[side] for side in ("a", "b")}
        write_manifest(staged, inputs, command=command, settings=settings)
    return comparison


def publish_stability(
    runs: Sequence[Dictionary],
    folder: str | Path,
    policy: Policy | None = None,
    *,
    activations: Sequence[ActivationCache | str | Path] = (),
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
    folder, policy = Path(folder), policy or Policy()
    store = folder.with_name(f"{folder.name}.pairs")
    _check_ours(folder, overwrite=overwrite)
    with staged_folder(folder, overwrite=overwrite) as staged:
        found = stability(runs, policy, activations=activations, store=store)
        found.save(staged)
        dictionary = consensus_of(found, runs)
        if dictionary is not None:
            with suppress(UnsupportedError):
                save(dictionary, staged / "consensus")
        _add_pictures(staged)
        inputs = {run["name"]: run for run in found.summary["runs"]}
        write_manifest(staged, inputs, command=command, settings=asdict(policy))
    shutil.rmtree(store, ignore_errors=True)
    return found


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
    folder, path = Path(folder), Path(path)
    _check_ours(folder, overwrite=overwrite)
    with staged_folder(folder, overwrite=overwrite) as staged:
        found = stability_of_assignments(path, seed=seed)
        found.save(staged)
        _add_pictures(staged)
        inputs = {"assignments": {"spec": str(path), "sha256": hash_file(path)}}
        write_manifest(staged, inputs, command=command, settings={"seed": seed})
    return found


def redraw(
    folder: str | Path,
    *,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
    pair: tuple[int, int] | None = None,
) -> list[Path]:
    """The files of a saved result's figures, drawn anew; earlier ones are replaced.

    `pair` as in `figures_of`.

    Raises:
        MissingFileError, FormatError: the folder holds no whole result.
        InvalidInputError: the style, a format or the width is none, or nothing was kept of the
            pair.
    """
    folder = Path(folder)
    draws = figures_of(read_result(folder), pair=pair)
    with staged_folder(folder / "figures", overwrite=True) as staged:
        files = write_figures(draws, staged, style=style, formats=formats, width=width)
    refresh_manifest(folder)
    return [folder / "figures" / file.name for file in files]


def rewrite_report(folder: str | Path) -> Path:
    """The report of a saved result, written anew from its tables.

    Raises:
        MissingFileError, FormatError: the folder holds no whole result.
    """
    report = Path(folder) / "report.html"
    text = page(read_result(folder))
    unfinished = report.with_name(".report.html")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(report)
    refresh_manifest(report.parent)
    return report


def _add_pictures(folder: Path) -> None:
    saved = read_result(folder)
    write_figures(headlines_of(saved), folder / "figures")
    (folder / "report.html").write_text(page(saved), encoding="utf-8")


def _check_ours(folder: Path, *, overwrite: bool) -> None:
    if overwrite and folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise OutputError(
            f"{folder} holds no {MANIFEST}, so it is no result of this program and --overwrite "
            "leaves it alone; choose another folder"
        )
