"""From a comparison to a folder: tables, figures, report, and last of all the manifest."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, assert_never

from universality.activations.cache import ActivationCache
from universality.compute.stages import Stage, enter_stage
from universality.connectors.connecting import Connected
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.encoding.folder import discard
from universality.errors import InvalidInputError, UnsupportedError
from universality.reappearance.fitted_forecast import Calibration, read_calibration
from universality.recurrence.study import consensus_of, stability, stability_of_assignments
from universality.report import has_page, page, page_name
from universality.report.label_page import label_page
from universality.results import (
    Comparison,
    Connection,
    Investigation,
    Stability,
    ToyResult,
    read_result,
)
from universality.results.connected import WEIGHTS_FILE
from universality.results.release_label import Label, check_label_page, read_label
from universality.results.trained import AGREEMENT, read_trained_runs
from universality.runs.along_training import agreement_along_training
from universality.runs.opening import dictionary_of
from universality.runs.policy import Policy
from universality.saving import save
from universality.storage.kept import end_store
from universality.storage.manifest import hash_file, write_manifest
from universality.storage.owned import in_words
from universality.storage.places import check_holds_no_input, real_place
from universality.storage.single_file import new_file
from universality.storage.staged_files import staged_file
from universality.storage.staging import staged_folder
from universality.toy.experiment import ToySettings, toy_experiment
from universality.validation import FLAG, PATH, Is, Several, as_tuple, takes

_log = logging.getLogger(__name__)


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
    folder = Path(folder)
    check_holds_no_input(folder, paths_of(*as_tuple(runs)))
    with staged_folder(folder, overwrite=overwrite) as staged:
        _write(result, staged, runs=as_tuple(runs), command=(), settings=None)
    return folder


def publish_comparison(
    make: Callable[[], Comparison],
    folder: str | Path,
    *,
    inputs: Sequence[Dictionary | CodedRun | ActivationCache | str | Path | None] = (),
    overwrite: bool = False,
    command: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
) -> Comparison:
    """The comparison that `make` gives, written as `publish` writes it.

    The folder's place is claimed before `make` runs, so that hours of work cannot end at a name
    that is taken. `inputs` is what `make` reads: none of it may lie in the folder. `command` and
    `settings` go into the manifest.

    Raises:
        OutputError: as `publish`.
    """
    folder = Path(folder)
    check_holds_no_input(folder, paths_of(*inputs))
    with staged_folder(folder, overwrite=overwrite) as staged:
        comparison = make()
        _write(comparison, staged, command=command, settings=settings)
    return comparison


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
    check_holds_no_input(folder, paths_of(*runs, *activations, *inputs))
    store = folder.with_name(f"{folder.name}.pairs")
    with staged_folder(folder, overwrite=overwrite) as staged:
        found = stability(runs, policy, activations=activations, store=store)
        _write(
            found,
            staged,
            runs=[dictionary_of(run) for run in runs],
            command=command,
            settings=asdict(policy),
        )
    _end(store)
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
    check_holds_no_input(folder, [path])
    with staged_folder(folder, overwrite=overwrite) as staged:
        found = stability_of_assignments(path, seed=seed)
        found.save(staged)
        _add_pictures(staged)
        inputs = {"assignments": {"spec": str(path), "sha256": hash_file(path)}}
        write_manifest(staged, inputs, command=command, settings={"seed": seed})
    return found


def publish_calibration(
    make: Callable[[], Calibration],
    path: str | Path,
    *,
    inputs: Sequence[Dictionary | CodedRun | str | Path] = (),
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
    inputs: Sequence[Dictionary | CodedRun | str | Path] = (),
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


def publish_toy(
    settings: ToySettings,
    folder: str | Path,
    *,
    overwrite: bool = False,
    command: Sequence[str] = (),
    progress: bool = False,
) -> ToyResult:
    """A toy experiment, written to a folder that is whole or absent.

    Beside summary, frames, figures and animation lie the truth and each instance as dictionaries,
    in `truth` and `instance-0` and so on, which every other command reads.

    Raises:
        OutputError: as `publish`.
    """
    with staged_folder(Path(folder), overwrite=overwrite) as staged:
        found = toy_experiment(settings, progress=progress)
        found.result.save(staged)
        save(found.truth, staged / "truth")
        for run in found.instances:
            save(run, staged / run.source.name)
        _add_pictures(staged)
        write_manifest(staged, {}, command=command, settings=asdict(settings))
    return found.result


def publish_investigation(
    make: Callable[[], Investigation],
    folder: str | Path,
    *,
    inputs: Sequence[Dictionary | CodedRun | ActivationCache | str | Path | None] = (),
    overwrite: bool = False,
    command: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
) -> Investigation:
    """The investigation that `make` gives, written to a folder that is whole or absent.

    The place is claimed before `make` runs. `inputs` is what `make` reads: none of it may lie in
    the folder. `command` and `settings` go into the manifest.

    Raises:
        OutputError: as `publish`.
    """
    folder = Path(folder)
    check_holds_no_input(folder, paths_of(*inputs))
    with staged_folder(folder, overwrite=overwrite) as staged:
        found = make()
        _write(found, staged, command=command, settings=settings)
    return found


def publish_connection(
    make: Callable[[], Connected],
    folder: str | Path,
    *,
    inputs: Sequence[Dictionary | ActivationCache | str | Path | None] = (),
    overwrite: bool = False,
    command: Sequence[str] = (),
) -> Connection:
    """The connector that `make` gives, with its result, in a folder that is whole or absent.

    Raises:
        OutputError: as `publish`.
    """
    folder = Path(folder)
    check_holds_no_input(folder, paths_of(*inputs))
    with staged_folder(folder, overwrite=overwrite) as staged:
        found = make()
        result = found.connection
        result.save(staged)
        found.connector.save(staged / WEIGHTS_FILE)
        _add_pictures(staged)
        ends = {end: result.summary[end] for end in ("source", "target")}
        write_manifest(staged, ends, command=command, settings=result.summary["settings"])
    return result


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
    from universality.figures import write_figures
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


def paths_of(
    *inputs: Dictionary | CodedRun | ActivationCache | str | Path | None,
) -> list[str | Path]:
    """Where inputs lie: files of weights, folders, and addresses, which may be no paths."""
    found: list[str | Path] = []
    for one in inputs:
        match one:
            case Dictionary() | CodedRun():
                found += dictionary_of(one).source.weight_files
            case ActivationCache():
                found.append(one.path)
            case str() | Path():
                found.append(one)
            case None:
                pass
    return found


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


def _write(
    result: Comparison | Stability | Investigation,
    staged: Path,
    *,
    runs: Sequence[Dictionary] = (),
    command: Sequence[str],
    settings: dict[str, Any] | None,
) -> None:
    enter_stage(Stage.WRITE)
    result.save(staged)
    if runs and isinstance(result, Stability):
        dictionary = consensus_of(result, runs)
        if dictionary is not None:
            with suppress(UnsupportedError):
                save(dictionary, staged / "consensus")
    _add_pictures(staged)
    write_manifest(staged, _inputs_of(result), command=command, settings=settings)


def _inputs_of(result: Comparison | Stability | Investigation) -> dict[str, Any]:
    """What a result is of, by side or by name of the run."""
    match result:
        case Comparison():
            return {side: result.summary[side] for side in ("a", "b")}
        case Stability():
            return {run["name"]: run for run in result.summary["runs"]}
        case Investigation():
            return {one["run"]: one for one in result.summary["subjects"]}
        case _:
            assert_never(result)


def _add_pictures(folder: Path) -> None:
    from universality.figures import headlines_of, write_figures  # once there is what to draw

    saved = read_result(folder)
    write_figures(headlines_of(saved), folder / "figures")
    if has_page(saved):
        (folder / page_name(saved)).write_text(page(saved), encoding="utf-8")
