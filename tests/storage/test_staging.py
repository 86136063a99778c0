"""Folders that are whole or absent, and what they never take the place of."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from universality.errors import OutputError
from universality.storage import staging
from universality.storage.manifest import write_manifest
from universality.storage.staged_files import staged_file
from universality.storage.staging import staged_folder


def write_result(
    target: Path,
    text: str,
    *,
    overwrite: bool = False,
    meanwhile: Callable[[Path], object] = lambda _: None,
) -> None:
    with staged_folder(target, overwrite=overwrite) as staged:
        (staged / "figures").mkdir()
        (staged / "figures" / "one.png").write_text(text)
        write_manifest(staged, {})
        meanwhile(target)


def write_and_fail(target: Path, failure: BaseException) -> None:
    with staged_folder(target, overwrite=True) as staged:
        (staged / "file").write_text("half")
        raise failure


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture(params=["at once", "in two steps"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of exchanging folders; the second as on systems that have no single step."""
    if request.param == "in two steps":
        monkeypatch.setattr("universality.storage.exchange._renameat2", lambda: None)
    return request.param


def test_the_folder_appears_when_the_block_ends_and_not_before(tmp_path: Path, steps: str) -> None:
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


@pytest.mark.parametrize(
    "full",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, full: Exception) -> None:
    with pytest.raises(OutputError, match=r"No space left on device.*nothing was left .*--out"):
        write_and_fail(tmp_path / "result", full)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_result_that_finds_no_room_is_said_of_the_result(tmp_path: Path) -> None:
    def fill(staged: Path) -> None:
        with staged_file(staged / "table.parquet"):
            raise OSError(errno.ENOSPC, "No space left on device")

    said = rf"^cannot write {tmp_path / 'result'}: No space left .*nothing was left behind"
    with pytest.raises(OutputError, match=said), staged_folder(tmp_path / "result") as staged:
        fill(staged)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_overwrite_keeps_the_old_result(tmp_path: Path, steps: str) -> None:
    target = tmp_path / "result"
    write_result(target, "old")
    with pytest.raises(ValueError, match="broken"):
        write_and_fail(target, ValueError("broken"))
    assert content(target) == {"figures/one.png": "old"}
    write_result(target, "new", overwrite=True)
    assert content(target) == {"figures/one.png": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_an_existing_folder_or_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        staged_folder(tmp_path / "folder").__enter__()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is not a folder"):
        staged_folder(tmp_path / "file", overwrite=True).__enter__()
    assert content(tmp_path) == {"folder/file": "mine", "file": "mine"}


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a file": lambda folder: (folder / "notes.txt").write_text("mine"),
    "a file below": lambda folder: (folder / "figures" / "mine.png").write_text("mine"),
    "an edited file": lambda folder: (folder / "figures" / "one.png").write_text("mine"),
    "an empty folder": lambda folder: (folder / "drafts").mkdir(),
    "a link": lambda folder: (folder / "link").symlink_to("/"),
    "a link in place of a file": lambda folder: (
        (folder / "figures" / "one.png").unlink(),
        (folder / "figures" / "one.png").symlink_to("/etc/hostname"),
    ),
    "a manifest of another program": lambda folder: (folder / "manifest.json").write_text(
        '{"name": "My web app"}'
    ),
    "a broken manifest": lambda folder: (folder / "manifest.json").write_text('{"sch'),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_is_not_ours_is_never_replaced(
    tmp_path: Path, steps: str, kind: str, when: str
) -> None:
    target = tmp_path / "result"
    write_result(target, "old")
    if when == "before":
        FOREIGN[kind](target)
        with pytest.raises(OutputError, match=r"choose another --out.*|or choose another --out"):
            write_result(target, "new", overwrite=True)
        assert [path.name for path in tmp_path.iterdir()] == ["result"]
        return
    with pytest.raises(OutputError, match=r"What was made is whole, in .*result-2"):
        write_result(target, "new", overwrite=True, meanwhile=FOREIGN[kind])
    write_result(tmp_path / "expected" / "result", "old")
    FOREIGN[kind](tmp_path / "expected" / "result")
    names = [
        {path.relative_to(folder) for path in folder.rglob("*")}
        for folder in (target, tmp_path / "expected" / "result")
    ]
    assert names[0] == names[1]
    assert content(target) == content(tmp_path / "expected" / "result")
    assert content(tmp_path / "result-2") == {"figures/one.png": "new"}
    shutil.rmtree(tmp_path / "expected")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result", "result-2"]


def test_what_comes_between_the_last_look_and_the_exchange_is_put_back(
    tmp_path: Path, steps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "result"
    write_result(target, "old")
    carry_over = staging._carry_over

    def carry_and_drop(old: Path, new: Path) -> None:
        carry_over(old, new)
        (target / "thesis.txt").write_text("mine")

    monkeypatch.setattr(staging, "_carry_over", carry_and_drop)
    with pytest.raises(OutputError, match=r"thesis\.txt.*result-2"):
        write_result(target, "new", overwrite=True)
    assert content(target) == {"figures/one.png": "old", "thesis.txt": "mine"}
    assert content(tmp_path / "result-2") == {"figures/one.png": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result", "result-2"]


APPEAR: dict[str, Callable[[Path], object]] = {
    "folder": lambda target: (target.mkdir(), (target / "mine.txt").write_text("mine")),
    "file": lambda target: target.write_text("mine"),
}


@pytest.mark.parametrize("appears", APPEAR)
@pytest.mark.parametrize("overwrite", [True, False])
def test_what_appears_at_the_place_meanwhile_stays(
    tmp_path: Path, steps: str, appears: str, overwrite: bool
) -> None:
    target = tmp_path / "result"
    (tmp_path / "result-2").mkdir()
    with pytest.raises(OutputError, match=r"appeared while this ran|holds no manifest.*result-3"):
        write_result(target, "new", overwrite=overwrite, meanwhile=APPEAR[appears])
    assert (target / "mine.txt" if appears == "folder" else target).read_text() == "mine"
    assert content(tmp_path / "result-3") == {"figures/one.png": "new"}


def test_what_systems_drop_is_carried_over(tmp_path: Path, steps: str) -> None:
    target = tmp_path / "result"
    target.mkdir()
    (target / ".DS_Store").write_text("view")
    write_result(target, "first")
    (target / "figures" / "Thumbs.db").write_text("small")
    write_result(target, "second", overwrite=True)
    assert content(target) == {
        ".DS_Store": "view",
        "figures/Thumbs.db": "small",
        "figures/one.png": "second",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_link_stays_and_its_folder_is_filled(tmp_path: Path, steps: str) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "results")
    for text, overwrite in (("first", False), ("second", True)):
        write_result(tmp_path / "link", text, overwrite=overwrite)
        assert (tmp_path / "link").is_symlink()
        assert content(tmp_path / "disk" / "results") == {"figures/one.png": text}
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["results"]


@pytest.mark.parametrize("name", [".", "..", "/", "/proc"])
def test_places_that_nothing_can_take_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="name a"):
        staged_folder(name).__enter__()


def test_links_in_a_circle_are_said(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OutputError, match=r"a cannot be followed"):
        staged_folder(tmp_path / "a").__enter__()


def test_a_second_writer_is_refused_while_the_first_writes(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "result") as staged:
        (staged / "file").write_text("first")
        with pytest.raises(OutputError, match=rf"process {os.getpid()} on .* is writing there"):
            staged_folder(tmp_path / "result").__enter__()
        write_result(tmp_path / "another", "not in the way")
    assert content(tmp_path / "result") == {"file": "first"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another", "result"]


def test_a_signal_in_the_exchange_waits_for_its_end(
    tmp_path: Path, steps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "result"
    write_result(target, "old")
    replace = staging._replace

    def interrupted(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)
        replace(*arguments)

    monkeypatch.setattr(staging, "_replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(target, "new", overwrite=True)
    assert content(target) == {"figures/one.png": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_private_temporary_files_get_the_usual_modes(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        with staged_folder(tmp_path / "result") as staged:
            (staged / "weights").touch(mode=0o600)
    finally:
        os.umask(umask)
    assert (tmp_path / "result").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "result" / "weights").stat().st_mode & 0o777 == 0o644
