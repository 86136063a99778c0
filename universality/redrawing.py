"""Figures and report of a saved result, drawn anew: nothing is computed, and torch stays away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from universality.errors import InvalidInputError
from universality.report import page, page_name
from universality.results import Comparison, SavedResult, Stability, read_result
from universality.results.explanations_of_two import explanations_of_two
from universality.results.integrity import reading_of
from universality.results.pages_of_pairs import pages_of_pairs
from universality.results.result_files import SUMMARY
from universality.storage.manifest import hash_file, write_manifest
from universality.storage.outputs import staged_outputs
from universality.storage.places import check_holds_no_input
from universality.storage.staging import staged_folder


def redraw(
    folder: str | Path,
    *,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
    pair: tuple[int, int] | None = None,
) -> list[Path]:
    """The files of a saved result's figures, drawn anew.

    Those of the same names that were drawn before are replaced; files in other formats, and files
    that are not ours, stay. `pair` as in `figures_of`.

    Raises:
        MissingFileError, FormatError: the folder holds no whole result.
        InvalidInputError: the style, a format or the width is none, or nothing was kept of the
            pair.
        OutputError: a file of such a name is not ours, or cannot be written.
    """
    from universality.figures import figures_of, write_figures  # not for the report

    folder = Path(folder)
    with reading_of(folder):
        draws = figures_of(read_result(folder), pair=pair)
        with staged_outputs(folder) as staged:
            places = staged / "figures"
            files = write_figures(draws, places, style=style, formats=formats, width=width)
    return [folder / "figures" / file.name for file in files]


def draw_together(
    folders: Sequence[Path],
    out: Path,
    *,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """The files of the figures that set several results on one axis, in a folder of their own.

    Each result is called as its folder, with as much of its path as tells them apart.

    Raises:
        MissingFileError, FormatError: a folder holds no whole result.
        InvalidInputError: the results do not belong on one axis.
        OutputError: as `publish`.
    """
    from universality.figures import figures_together, write_figures

    check_holds_no_input(out, [*folders])
    results: dict[str, SavedResult] = {}
    for name, folder in zip(_told_apart(folders), folders, strict=True):
        with reading_of(folder):
            results[name] = read_result(folder)
    draws = figures_together(results)
    with staged_folder(out, overwrite=overwrite) as staged:
        files = write_figures(draws, staged, style=style, formats=formats, width=width)
        inputs = {
            name: {"spec": str(folder), "sha256": hash_file(folder / SUMMARY)}
            for name, folder in zip(results, folders, strict=True)
        }
        write_manifest(staged, inputs, command=(), settings=None)
    return [out / file.name for file in files]


def _told_apart(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that are all different."""
    paths = [folder.resolve() for folder in folders]
    if len(set(paths)) < len(paths):
        raise InvalidInputError("a result is given twice; results on one axis must differ")
    longest = max(len(path.parts) for path in paths)
    for n in range(1, longest + 1):
        names = ["/".join(path.parts[-n:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def rewrite_report(
    folder: str | Path, *, explanations: Path | None = None, pairs: Sequence[Path] = ()
) -> Path:
    """The report of a saved result, written anew from its tables.

    Args:
        folder: Of the result.
        explanations: A file as `explanations_of_two` takes it, for a comparison.
        pairs: Folders of comparisons of two runs of a study, to whose pages its families link.

    Raises:
        MissingFileError, FormatError: the folder holds no whole result, the file no explanations
            of its latents, or a folder of a pair no comparison with a page.
        InvalidInputError: explanations are given, and the result is not of two runs; or pairs, and
            it is not of many, or they are of other runs.
    """
    folder = Path(folder)
    with reading_of(folder):
        result = read_result(folder)
        text, name = _page(result, folder, explanations, pairs), page_name(result)
    with staged_outputs(folder) as staged:
        (staged / name).write_text(text, encoding="utf-8")
    return folder / name


def _page(
    result: SavedResult, folder: Path, explanations: Path | None, pairs: Sequence[Path]
) -> str:
    if explanations is not None and not isinstance(result, Comparison):
        raise InvalidInputError("--explanations are of latents of two runs; leave them out")
    if pairs and not isinstance(result, Stability):
        raise InvalidInputError("--pair is for a study of many runs; leave it out")
    if explanations is not None:
        return page(result, explanations=explanations_of_two(explanations, result.summary))
    if pairs:
        return page(result, pairs=pages_of_pairs(pairs, result.summary, beside=folder))
    return page(result)
