"""A process may be killed before any step it takes: nothing is lost, and the next start goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.test_staging import content, write_result
from universality.errors import OutputError
from universality.storage.claims import claimed
from universality.storage.recovery import EXCHANGING, NEW, OLD, recover
from universality.storage.staging import staged_folder
from universality.storage.traces import new_trace
from universality.storage.writers import is_gone, this_writer, writer_of_label


@pytest.mark.parametrize("way", ["at-once", "in-two-steps"])
def test_a_process_killed_before_any_of_its_steps_loses_nothing(tmp_path: Path, way: str) -> None:
    command = [sys.executable, "-m", "tests.storage.strikes", str(tmp_path), way]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    strikes = dict(line.split() for line in done.stdout.splitlines())
    assert set(strikes) == {"overwrite", "redraw", "keep", "replace_file"}
    assert int(strikes["overwrite"]) > 15
    assert int(strikes["redraw"]) > 15


def left_by(label: str, target: Path) -> Path:
    """What a writer left beside a target: a container with something half made."""
    container = new_trace(target, "staging")
    container = container.rename(target) if container.exists() else container
    place = container.with_name(container.name.replace(this_writer().label, label))
    (place / NEW).mkdir(parents=True)
    (place / NEW / "half").write_text("half")
    return place


def other(**changes: str) -> str:
    """The label of this process with some of its parts changed."""
    this = vars(this_writer())
    parts = {name: changes.get(name, str(this[name])) for name in this}
    return "~".join(parts.values())


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"pid": "4194304"}, True),
        ({"start": "1"}, True),
        ({"boot": "abcdef012345"}, True),
        ({}, False),
        ({"host": "elsewhere-12345678", "pid": "4194304"}, False),
        ({"room": "1", "pid": "4194304"}, False),
        ({"start": "0"}, False),
        ({"boot": "0"}, False),
    ],
)
def test_only_what_is_certainly_dead_is_swept(
    tmp_path: Path, changes: dict[str, str], gone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    label = other(**changes)
    writer = writer_of_label(label)
    assert writer is not None
    assert is_gone(writer) == gone
    place = left_by(label, tmp_path / "result")
    recover(tmp_path)
    assert place.exists() != gone
    if not gone and changes.get("host"):
        write_result(tmp_path / "result", "new")
        assert content(tmp_path / "result") == {"figures/one.png": "new"}
        assert (place / NEW / "half").read_text() == "half"
        assert f"{place} was begun by process 4194304 on elsewhere" in caplog.text


def test_a_name_like_ours_is_no_label() -> None:
    for text in ("", "host~0~0~1", "host~0~0~1~x", "../up~0~0~1~2", "host~0~0~1~2~3"):
        assert writer_of_label(text) is None
    assert writer_of_label(this_writer().label) == this_writer()


def test_an_old_result_moved_aside_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "result"
    write_result(target, "old")
    place = left_by(other(pid="4194304"), target)
    target.rename(place / OLD)
    shutil.rmtree(place / NEW)
    shutil.copytree(place / OLD, place / NEW)
    (place / EXCHANGING).touch()
    with pytest.raises(OutputError, match="exists already"):
        staged_folder(target).__enter__()
    assert content(target) == {"figures/one.png": "old"}
    assert "was moved back to its place" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_replaced_result_with_a_file_of_the_user_is_left_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "result"
    write_result(target, "new")
    place = left_by(other(pid="4194304"), target)
    (place / EXCHANGING).touch()
    recover(tmp_path)
    assert (place / NEW / "half").read_text() == "half"
    assert f"{place} holds what this program did not write" in caplog.text


def test_one_process_at_a_time_writes_into_a_folder(tmp_path: Path) -> None:
    dead = tmp_path / f".writing.{other(pid='4194304')}~0.claim"
    dead.touch()
    with claimed(tmp_path):
        assert not dead.exists()
        with pytest.raises(OutputError, match=rf"process {os.getpid()} on .*is writing there now"):
            claimed(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []
