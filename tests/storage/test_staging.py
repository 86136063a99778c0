"""Folders that are whole or absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from universality.errors import OutputError
from universality.storage.staging import staged_folder


def write_and_fail(target: Path, failure: BaseException) -> None:
    with staged_folder(target, overwrite=True) as staged:
        (staged / "file").write_text("half")
        raise failure


def test_the_folder_appears_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "result"
    with staged_folder(target) as staged:
        (staged / "file").write_text("content")
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["file"]
    assert [path.name for path in target.parent.iterdir()] == ["result"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_an_error_or_interrupt_leaves_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    with pytest.raises(failure):
        write_and_fail(tmp_path / "result", failure())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OutputError, match=r"No space left on device; nothing was left .*--out"):
        write_and_fail(tmp_path / "result", full)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_overwrite_keeps_the_old_result(tmp_path: Path) -> None:
    target = tmp_path / "result"
    with staged_folder(target) as staged:
        (staged / "file").write_text("old")
    with pytest.raises(ValueError, match="broken"):
        write_and_fail(target, ValueError("broken"))
    assert (target / "file").read_text() == "old"
    with staged_folder(target, overwrite=True) as staged:
        (staged / "other").write_text("new")
    assert [path.name for path in target.iterdir()] == ["other"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_an_existing_folder_or_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        staged_folder(tmp_path / "folder").__enter__()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is not a folder"):
        staged_folder(tmp_path / "file", overwrite=True).__enter__()


def test_private_temporary_files_get_the_usual_modes(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        with staged_folder(tmp_path / "result") as staged:
            (staged / "weights").touch(mode=0o600)
    finally:
        os.umask(umask)
    assert (tmp_path / "result").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "result" / "weights").stat().st_mode & 0o777 == 0o644
