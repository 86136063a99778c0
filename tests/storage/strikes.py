"""Killing a process before every single step it takes on the disk, and looking at what is left.

Run as a program, in a process of its own with one thread, it forks a child for each step.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from universality.storage import exchange
from universality.storage.kept import PairStore, end_store, kept
from universality.storage.manifest import read_manifest, write_manifest
from universality.storage.outputs import staged_outputs
from universality.storage.owned import foreign_files
from universality.storage.recovery import recover
from universality.storage.staged_files import staged_file
from universality.storage.staging import staged_folder

_STEPS = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.chmod", "made.exchange"}


def strike_everywhere(work: Path, act: Callable[[], None], check: Callable[[], None]) -> int:
    """How many steps `act` takes; it was killed before each, then looked at, then done again.

    `work` is made anew from `work.start` for each.
    """
    start = work.with_name("start")
    number = 0
    while True:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(start, work, symlinks=True)
        survived = _killed_before(number, act)
        check()
        if survived:
            return number
        act()
        check()
        number += 1


def _killed_before(step: int, act: Callable[[], None]) -> bool:
    """Whether `act` ended before it came to the step."""
    child = os.fork()
    if child == 0:
        left = [step]

        def strike(event: str, arguments: tuple[object, ...]) -> None:
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
            if event in _STEPS or writes:
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1

        sys.addaudithook(strike)
        act()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return False
    assert os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return True


def _write(folder: Path, text: str) -> None:
    (folder / "figures").mkdir()
    (folder / "figures" / "one.png").write_text(text)
    write_manifest(folder, {})


def _hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.name != ".DS_Store"]


def _start(work: Path) -> None:
    start = work.with_name("start")
    start.mkdir(parents=True)
    (start / "thesis.txt").write_text("mine")
    with staged_folder(start / "st") as staged:
        _write(staged, "old")
    (start / "st" / ".DS_Store").write_text("view")


def overwrite(work: Path) -> int:
    """`--overwrite`: the old result or the new one, whole, and nothing besides."""

    def act() -> None:
        with staged_folder(work / "st", overwrite=True) as staged:
            _write(staged, "new")

    def check() -> None:
        recover(work)
        assert foreign_files(work / "st") == []
        assert (work / "st" / "figures" / "one.png").read_text() in ("old", "new")
        assert (work / "st" / ".DS_Store").read_text() == "view"
        assert (work / "thesis.txt").read_text() == "mine"
        assert _hidden(work) == [], _hidden(work)

    return strike_everywhere(work, act, check)


def redraw(work: Path) -> int:
    """`figures` and `report`: each file is old or new, all are ours, the user's stay."""
    start = work.with_name("start")
    (start / "st" / "figures" / "mine.png").write_text("mine")

    def act() -> None:
        with staged_outputs(work / "st") as staged:
            (staged / "figures").mkdir()
            for name in ("one.png", "two.png"):
                (staged / "figures" / name).write_text("new")

    def check() -> None:
        recover(work / "st")
        assert foreign_files(work / "st") == ["figures/mine.png"]
        assert "figures/mine.png" not in read_manifest(work / "st")["outputs"]
        assert (work / "st" / "figures" / "one.png").read_text() in ("old", "new")
        assert (work / "st" / "figures" / "mine.png").read_text() == "mine"
        assert _hidden(work / "st") == []

    return strike_everywhere(work, act, check)


def keep(work: Path) -> int:
    """Kept work: whole or absent, and gone at the end but for what is not ours."""
    folder = work / "st.pairs"

    def act() -> None:
        for number in range(3):
            kept(PairStore(folder), str(number), lambda n=number: {"value": np.array(n)})
        (folder / "mine.txt").write_text("mine")
        end_store(folder)

    def check() -> None:
        for number in range(3):
            if PairStore(folder).path(str(number)).exists():
                found = kept(PairStore(folder), str(number), dict)
                assert found["value"] == number
        assert (work / "thesis.txt").read_text() == "mine"

    return strike_everywhere(work, act, check)


def replace_file(work: Path) -> int:
    """A single file: old or new."""
    (work.with_name("start") / "note.json").write_text("old")

    def act() -> None:
        with staged_file(work / "note.json") as staged:
            staged.write_text("new")

    def check() -> None:
        recover(work)
        assert (work / "note.json").read_text() in ("old", "new")
        assert _hidden(work) == []

    return strike_everywhere(work, act, check)


def main(place: Path, *, at_once: bool) -> None:
    """Every kind of change, killed everywhere; prints how many strikes that took."""
    rename = exchange._rename

    def seen(source: Path, target: Path, flag: int) -> bool:
        sys.audit("made.exchange")
        return rename(source, target, flag) if at_once else False

    exchange._rename = seen
    for kind in (overwrite, redraw, keep, replace_file):
        work = place / kind.__name__ / "work"
        _start(work)
        sys.stdout.write(f"{kind.__name__} {kind(work)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), at_once=sys.argv[2] == "at-once")
