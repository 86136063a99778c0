"""Where a result may be put: what a path names, and what no result may stand in the place of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from universality.errors import OutputError


def real_place(target: Path, *, option: str = "--out") -> Path:
    """The place a path names, links followed, so that a link stays a link.

    Raises:
        OutputError: it names a place that cannot be exchanged with another: the root, the folder
            the command runs in or one above it, the root of a file system, a circle of links.
    """
    try:
        place = target.resolve(strict=False)
        if place.is_symlink():
            raise OSError(f"{place} is a circle of links")
        here = Path.cwd()
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"{target} cannot be followed: {error}; choose another {option}"
        ) from error
    if place == here or place in here.parents:
        raise OutputError(
            f"{target} is the folder this runs in, or one above it; name a new folder, such as "
            f"{option} {target / 'result'}"
        )
    if os.path.ismount(place):
        raise OutputError(
            f"{target} is the root of a file system, which cannot be exchanged for a result; name "
            f"a folder in it, such as {option} {target / 'result'}"
        )
    return place


def check_holds_no_input(
    target: Path, inputs: Iterable[str | Path], *, option: str = "--out"
) -> None:
    """Nothing, unless something that is read lies at `target` or below it.

    Texts may be addresses: those that are no paths of this machine do not count. Paths count, also
    where nothing lies yet.

    Raises:
        OutputError: an input does; the message names it.
    """
    place = _followed(target)
    if place is None:
        raise OutputError(f"{target} is a circle of links; choose another {option}")
    for one in inputs:
        if isinstance(one, str) and not os.path.lexists(one):
            continue
        found = _followed(Path(one))
        if found is not None and (found == place or place in found.parents):
            raise OutputError(
                f"{option} {target} holds an input, {one}; choose another {option}, or move the "
                "input away"
            )


def _followed(path: Path) -> Path | None:
    """Where a path leads, links followed; None for a circle of links."""
    try:
        return path.resolve(strict=False)
    except (OSError, RuntimeError):
        return None
