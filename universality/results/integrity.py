"""Whether a saved result is still what was written, by the hashes in its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from universality.errors import FormatError, MissingFileError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain
from universality.results.result_files import SUMMARY
from universality.storage.manifest import hash_file, known_hashes, read_manifest

_TABLES = (".json", ".csv", ".parquet")
_ADVICE = "make the result again"


@contextmanager
def reading_of(folder: Path) -> Iterator[None]:
    """For a block that reads a saved result and draws from it, and does nothing else.

    Files that a manifest vouches for are checked first, and then trusted. In a folder without one
    (`Comparison.save` writes none) whatever goes wrong in the block is damage of the result.

    Raises:
        MissingFileError: a file that the manifest lists is gone.
        FormatError: a file is not what the manifest says, or the result cannot be drawn.
    """
    if _vouched_for(folder):
        yield
    else:
        with damage_named(folder, advice=_ADVICE):
            yield


def _vouched_for(folder: Path) -> bool:
    known = known_hashes(read_manifest(folder))
    if SUMMARY not in known:
        return False
    for name, hashes in known.items():
        path = Path(name)
        if path.parent == Path() and path.suffix in _TABLES:
            _check(folder / name, hashes)
    return True


def _check(path: Path, hashes: set[str]) -> None:
    try:
        check_plain(path)
    except MissingFileError as error:
        raise MissingFileError(
            f"the result in {path.parent} is incomplete: no {path.name}"
        ) from error
    if hash_file(path) not in hashes:
        raise FormatError(
            f"{path} has changed since the result was written (its sha256 is not the one in "
            f"manifest.json); {_ADVICE}"
        )
