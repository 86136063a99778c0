"""Published assignments read from a file, so that they can be analysed without weights."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from universality.errors import FormatError, InvalidInputError
from universality.intake.array_files import read_arrays, read_headers
from universality.runs.partner_table import Link, PartnerTable, stack

_MOST_LATENTS = 2**26
_KEY = re.compile(r"(?P<first>[^-/]+)-(?P<second>[^-/]+)/(?P<view>[^/]+)")


def read_assignments(path: str | Path) -> dict[str, PartnerTable]:
    """The assignments of an npz file, by view.

    Its keys are `<run>-<run>/<view>`, without `-` in the names of runs; entry i of an array is the
    partner in the second run of latent i of the first, -1 for none. A direction that is missing is
    the inverse of the other; pairs may be missing. Runs come in natural order (seed2 before
    seed10). A run's size is the length of its arrays, or one more than the largest partner where
    it is never the first of a key.

    Raises:
        MissingFileError: no such file.
        FormatError: not an npz, a key or an array that does not follow the rule, or two directions
            of one pair that contradict each other.
        InvalidInputError: fewer than two runs, or an assignment that is not one-to-one.
    """
    arrays = _read(Path(path))
    names = sorted({name for first, second, _ in arrays for name in (first, second)}, key=_natural)
    if not names:
        raise InvalidInputError(f"{path} holds no assignments")
    sizes = {name: _size(arrays, name, path) for name in names}
    alive = [np.ones(sizes[name], dtype=bool) for name in names]
    views = sorted({view for _, _, view in arrays})
    return {view: stack(names, alive, _links(arrays, names, view, path)) for view in views}


def _read(path: Path) -> dict[tuple[str, str, str], Int64[np.ndarray, " n"]]:
    for header in read_headers(path):
        _parse(header.name, path)
        if math.prod(header.shape) > _MOST_LATENTS:
            raise FormatError(
                f"{path}: {header.name} lists {math.prod(header.shape):,} latents, more than any "
                "run has"
            )
    arrays = read_arrays(path)
    return {_parse(key, path): _integers(array, key, path) for key, array in arrays.items()}


def _parse(key: str, path: Path) -> tuple[str, str, str]:
    found = _KEY.fullmatch(key)
    if found is None or found["first"] == found["second"]:
        raise FormatError(
            f"{path}: key {key!r} is not `<run>-<run>/<view>` with two different run names "
            "without '-'"
        )
    return found["first"], found["second"], found["view"]


def _integers(array: np.ndarray, key: str, path: Path) -> Int64[np.ndarray, " n"]:
    if array.ndim != 1 or array.dtype.kind not in "iu" or not array.size:
        raise FormatError(
            f"{path}: {key} must be a list of latents, got {array.dtype} of shape {array.shape}"
        )
    if int(array.min()) < -1 or int(array.max()) >= _MOST_LATENTS:
        raise FormatError(
            f"{path}: {key} must hold latents of the other run, counted from 0, or -1 for none; it "
            f"goes from {int(array.min())} to {int(array.max())}"
        )
    return array.astype(np.int64)


def _size(arrays: dict[tuple[str, str, str], np.ndarray], name: str, path: str | Path) -> int:
    lengths = {len(array) for (first, _, _), array in arrays.items() if first == name}
    if len(lengths) > 1:
        raise FormatError(f"{path}: the arrays of {name} have different lengths {sorted(lengths)}")
    largest = (int(array.max()) + 1 for (_, second, _), array in arrays.items() if second == name)
    return lengths.pop() if lengths else max(largest)


def _links(
    arrays: dict[tuple[str, str, str], np.ndarray],
    names: list[str],
    view: str,
    path: str | Path,
) -> dict[tuple[int, int], Link]:
    links: dict[tuple[int, int], Link] = {}
    for (first, second, its_view), array in arrays.items():
        if its_view != view:
            continue
        i, j = names.index(first), names.index(second)
        a, b = np.flatnonzero(array >= 0), array[array >= 0]
        key, link = ((i, j), Link(a, b)) if i < j else ((j, i), Link(b, a))
        if key in links and not _same(links[key], link):
            raise FormatError(
                f"{path}: {first}-{second}/{view} is not the inverse of {second}-{first}/{view}"
            )
        links[key] = link
    return links


def _same(one: Link, other: Link) -> bool:
    pairs = [sorted(zip(link.a.tolist(), link.b.tolist(), strict=True)) for link in (one, other)]
    return pairs[0] == pairs[1]


def _natural(name: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
