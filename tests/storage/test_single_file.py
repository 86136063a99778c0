"""A result that is one file: whole or absent, and never in place of what is not ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from universality.errors import FormatError, OutputError
from universality.storage.single_file import new_file


def _ours(path: Path) -> None:
    if not path.is_file() or not path.read_text().startswith("ours"):
        raise FormatError("it is something else")


def _write(target: Path, text: str, *, overwrite: bool = False) -> None:
    with new_file(target, overwrite=overwrite, is_ours=_ours) as staged:
        staged.write_text(text)


def test_it_is_there_when_the_block_has_ended(tmp_path: Path) -> None:
    _write(tmp_path / "new" / "file.json", "ours 1")
    assert (tmp_path / "new" / "file.json").read_text() == "ours 1"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.json"]


def test_an_error_leaves_nothing_new_and_the_old_as_it_was(tmp_path: Path) -> None:
    _write(tmp_path / "file", "ours 1")
    with pytest.raises(UnicodeEncodeError):
        _write(tmp_path / "file", "ours \ud800", overwrite=True)
    assert (tmp_path / "file").read_text() == "ours 1"
    assert len(list(tmp_path.iterdir())) == 1


def test_ours_is_replaced_where_that_is_asked_for(tmp_path: Path) -> None:
    _write(tmp_path / "file", "ours 1")
    with pytest.raises(OutputError, match="--overwrite"):
        _write(tmp_path / "file", "ours 2")
    _write(tmp_path / "file", "ours 2", overwrite=True)
    assert (tmp_path / "file").read_text() == "ours 2"


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("mine")
    (tmp_path / "folder").mkdir()
    for name in ("thesis", "folder"):
        with pytest.raises(OutputError, match="nothing that this program wrote"):
            _write(tmp_path / name, "ours", overwrite=True)
    assert (tmp_path / "thesis").read_text() == "mine"


def test_what_appears_meanwhile_stays(tmp_path: Path) -> None:
    def appear() -> None:
        with new_file(tmp_path / "file", overwrite=False, is_ours=_ours) as staged:
            staged.write_text("ours")
            (tmp_path / "file").write_text("somebody's")

    with pytest.raises(OutputError, match="exists"):
        appear()
    assert (tmp_path / "file").read_text() == "somebody's"
