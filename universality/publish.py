"""From a comparison to a folder: tables, figures, report, and last of all the manifest."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality import figures
from universality.activations.cache import ActivationCache
from universality.comparison.policy import Policy
from universality.dictionary import Dictionary
from universality.errors import OutputError, UnsupportedError
from universality.families.many_runs import consensus_of, stability, stability_of_assignments
from universality.report import comparison_page
from universality.results import Comparison, Stability, read_comparison, write_json
from universality.saving import save
from universality.staging import staged_folder

MANIFEST = "manifest.json"
"""Written last: a folder that holds it is whole."""

_PACKAGES = ("universality", "torch", "numpy", "scipy", "pandas", "matplotlib", "safetensors")


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
        saved = read_comparison(staged)
        drawn = draw_figures(saved, staged / "figures")
        (staged / "report.html").write_text(comparison_page(saved, drawn), encoding="utf-8")
        inputs = {side: saved.summary[side] for side in ("a", "b")}
        write_json(_manifest(staged, inputs, command, settings or {}), staged / MANIFEST)
    return comparison


def draw_figures(comparison: Comparison, folder: Path) -> list[Path]:
    """Each figure that the comparison has the tables for, as PNG and PDF; the PNGs' paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for draw in _figures(comparison):
        figure = Figure(figsize=(4.8, 3.6), layout="constrained")
        draw(comparison, figure.subplots())
        stem = folder / draw.__name__
        figure.savefig(stem.with_suffix(".png"), dpi=160)
        figure.savefig(stem.with_suffix(".pdf"), dpi=160, metadata={"CreationDate": None})
        drawn.append(stem.with_suffix(".png"))
    return drawn


def _figures(comparison: Comparison) -> list[Callable[[Comparison, Axes], Axes]]:
    views = comparison.summary["views"]
    both = [figures.decoder_against_encoder] if {"decoder", "encoder"} <= set(views) else []
    return [figures.share_against_threshold, figures.matched_similarity, *both]


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
        inputs = {run["name"]: run for run in found.summary["runs"]}
        write_json(_manifest(staged, inputs, command, asdict(policy)), staged / MANIFEST)
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
        inputs = {"assignments": {"spec": str(path), "sha256": _sha256(path)}}
        write_json(_manifest(staged, inputs, command, {"seed": seed}), staged / MANIFEST)
    return found


def _check_ours(folder: Path, *, overwrite: bool) -> None:
    if overwrite and folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise OutputError(
            f"{folder} holds no {MANIFEST}, so it is no result of this program and --overwrite "
            "leaves it alone; choose another folder"
        )


def _manifest(
    folder: Path,
    inputs: Mapping[str, Mapping[str, Any]],
    command: Sequence[str],
    settings: dict[str, Any],
) -> dict[str, Any]:
    outputs = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "schema": "universality.manifest/1",
        "inputs": {
            name: {key: about[key] for key in ("spec", "sha256")} for name, about in inputs.items()
        },
        "outputs": {path.relative_to(folder).as_posix(): _sha256(path) for path in outputs},
        "command": list(command),
        "settings": settings,
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
