"""From a comparison to a folder: tables, figures, report, and last of all the manifest."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality import figures
from universality.errors import OutputError
from universality.report import comparison_page
from universality.results import Comparison, read_comparison, write_json
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
    if overwrite and folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise OutputError(
            f"{folder} holds no {MANIFEST}, so it is no result of this program and --overwrite "
            "leaves it alone; choose another folder"
        )
    with staged_folder(folder, overwrite=overwrite) as staged:
        comparison = make()
        comparison.save(staged)
        saved = read_comparison(staged)
        drawn = draw_figures(saved, staged / "figures")
        (staged / "report.html").write_text(comparison_page(saved, drawn), encoding="utf-8")
        write_json(_manifest(staged, saved, command, settings or {}), staged / MANIFEST)
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


def _manifest(
    folder: Path, comparison: Comparison, command: Sequence[str], settings: dict[str, Any]
) -> dict[str, Any]:
    summary = comparison.summary
    outputs = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "schema": "universality.manifest/1",
        "inputs": {side: {k: summary[side][k] for k in ("spec", "sha256")} for side in ("a", "b")},
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
