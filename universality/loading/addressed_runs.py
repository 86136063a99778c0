"""Runs by their addresses: one loaded, or a folder of many listed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from universality.dictionary import Dictionary, DirectionName
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.loading.addresses import Place, resolve
from universality.loading.checkpoints import ORIENTATIONS, Checkpoint, Orientation, Request
from universality.loading.detection import detect, natural_order, recognised, weight_files
from universality.loading.formats import Format
from universality.loading.formats.saelens import NAME as SAELENS
from universality.loading.hub import SCHEME, checkpoints, from_browser, parse
from universality.validation import FLAG, PATH, TEXT, OneOf, Several, as_tuple, either, takes

_DEEPEST = 8

_NOT_RUNS = ("checkpoints", "truth")
"""Folders of what is no run of its own: a run on the way, and what a toy experiment is about."""


@takes(
    spec=PATH,
    format=either(TEXT, None),
    orientation=either(OneOf(ORIENTATIONS), None),
    views=Several(OneOf(get_args(DirectionName))),
    checked=FLAG,
)
def load(
    spec: str | Path,
    *,
    format: str | None = None,
    orientation: str | None = None,
    views: tuple[DirectionName, ...] = ("decoder", "encoder"),
    checked: bool = True,
) -> Dictionary:
    """The dictionary at an address: a file, a folder, `hf://org/repo/folder`, `release:sae_id`.

    Weights are memory-mapped where the container allows, keep their dtype, and every tensor used
    is checked to be finite; latents with a decoder row of zeros are kept. `format` names what
    cannot be told (`NAME` or `NAME:VARIANT`), `orientation` whether the `rows` or `columns` of a
    square decoder are its directions. With `views=("decoder",)` no encoder tensor is read, with
    `checked=False` nothing is read before it is used.

    Raises:
        MissingFileError: nothing there, or a folder without weights.
        FormatError: damaged, not recognised, ambiguous, or not what its configuration says.
        UnsafeFileError: a pickle wants classes (named; nothing in it ran).
        InvalidInputError: NaN or infinity in a tensor, or an unknown format or orientation.
    """
    place = resolve(spec)
    name, _, variant = (format or "").partition(":")
    request = Request(
        spec=place.spec,
        name=place.name,
        variant=variant,
        orientation=_orientation(orientation),
        part=place.part,
        views=as_tuple(views),
        checked=checked,
        format_named=bool(name),
        norm_scaling_factor=place.norm_scaling_factor,
        config_overrides=place.config_overrides,
    )
    kind, checkpoint = detect(place.path, request, format=name or None)
    _check_part(kind, checkpoint)
    if place.config_overrides and kind.name != SAELENS:
        raise FormatError(
            f"{spec}: SAELens' list of releases sets {', '.join(place.config_overrides)} anew, "
            f"which is not known to mean anything for the format {kind.name}"
        )
    return kind.read(checkpoint)


@takes(spec=PATH, format=either(TEXT, None))
def expand(spec: str | Path, *, format: str | None = None) -> list[str]:
    """The addresses of the runs an address means: itself, or every run in a folder of them.

    Folders below are searched in natural order (seed2 before seed10): seeds, trainers, hookpoints,
    files side by side, and the parts of a file that holds several. Folders whose name starts with
    a dot are skipped; `checkpoints` and `truth` are entered only where nothing else was found. A
    hub address is expanded from the repository's listing, without fetching any weights.

    Raises:
        MissingFileError: nothing there, or no weights below it.
    """
    on_hub = from_browser(str(spec)) or str(spec)
    if on_hub.startswith(SCHEME) and "#" not in on_hub:
        return [str(address) for address in checkpoints(parse(on_hub))]
    place = resolve(spec)
    if place.part:
        return [place.spec]
    name = (format or "").partition(":")[0] or None
    found = _runs_in(place, place.path, name, depth=0)
    if not found:
        raise MissingFileError(f"{place.path} holds no weights, in itself or in its folders")
    return found


def _orientation(word: str | None) -> Orientation | None:
    match word:
        case None | "rows" | "columns":
            return word
        case _:
            raise InvalidInputError(f"orientation must be 'rows' or 'columns', got {word!r}")


def _runs_in(place: Place, path: Path, format: str | None, *, depth: int) -> list[str]:
    request = Request(spec=place.spec, name=place.name)
    here = [Checkpoint(f, path if path.is_dir() else f.parent, request) for f in weight_files(path)]
    kinds = [(c, kind) for c in here for kind in recognised(c) if format in (None, kind.name)]
    if kinds:
        alone = len(kinds) == 1
        return [
            address
            for checkpoint, kind in kinds
            for address in _addresses(path if alone else checkpoint.weights, kind, checkpoint)
        ]
    if not path.is_dir() or depth == _DEEPEST:
        return [str(path)] if path.is_file() else []
    return _runs_below(place, path, format, depth=depth)


def _runs_below(place: Place, path: Path, format: str | None, *, depth: int) -> list[str]:
    folders = sorted(
        (f for f in path.iterdir() if _is_below(f, path) and not f.name.startswith(".")),
        key=natural_order,
    )
    late = [folder for folder in folders if folder.name in _NOT_RUNS]
    found = [
        run
        for folder in folders
        if folder not in late
        for run in _runs_in(place, folder, format, depth=depth + 1)
    ]
    for folder in late if not found else ():
        found += _runs_in(place, folder, format, depth=depth + 1)
    return found


def _is_below(folder: Path, path: Path) -> bool:
    """Whether this is a folder, and no link back up to where the search came from."""
    return folder.is_dir() and not path.resolve().is_relative_to(folder.resolve())


def _addresses(path: Path, kind: Format, checkpoint: Checkpoint) -> list[str]:
    parts = kind.parts(checkpoint)
    return [f"{path}#{part}" for part in parts] if parts else [str(path)]


def _check_part(kind: Format, checkpoint: Checkpoint) -> None:
    part = checkpoint.request.part
    known = kind.parts(checkpoint)
    if known and part not in known and (part or len(known) > 1):
        asked = f"no {part!r} among them" if part else "name one"
        shown = ", ".join(f"#{name}" for name in known[:12])
        raise FormatError(
            f"{checkpoint.weights} holds {len(known)} dictionaries: {asked}, by adding one of "
            f"{shown} to its address"
        )
    if part and not known:
        raise FormatError(f"{checkpoint.weights} holds one dictionary; drop #{part}")
