"""Locks that several processes share: one holder, taken over when it has ended, never hung on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from universality.errors import OutputError
from universality.storage import leases
from universality.storage.kept import PairStore, kept
from universality.storage.leases import Leases

HOLDER = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from universality.storage.leases import Leases
with Leases(Path(sys.argv[1])).tried("one") as ours:
    print(ours, flush=True)
    time.sleep(60)
"""


def never() -> bool:
    return False


def test_a_lock_has_one_holder_and_is_free_when_that_is_done(tmp_path: Path) -> None:
    mine, yours = Leases(tmp_path), Leases(tmp_path)
    with mine.tried("one") as first, yours.tried("one") as second, yours.tried("two") as other:
        assert (first, second, other) == (True, False, True)
        assert mine.held_by_others() == 2
    with yours.tried("one") as again:
        assert again
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_come_at_once_one_holds_it(tmp_path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with Leases(tmp_path).held("one", until=never, what="one"):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.002)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == 1


def test_what_a_killed_process_held_is_free_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        with Leases(tmp_path).tried("one") as taken:
            assert not taken
        assert f"process {process.pid} on" in Leases(tmp_path).holder("one")
        process.kill()
    with Leases(tmp_path).tried("one") as taken:
        assert taken


def test_a_lock_of_another_host_is_free_after_a_lease_without_a_beat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep)
    monkeypatch.setattr(leases, "time", clock)
    lock = tmp_path / "one.lock"
    lock.write_text("other-host-01234567~ab12~1~77~123")
    mine = Leases(tmp_path, seconds=10.0)
    for now[0], beat, free in ((0, 1, False), (9, 1, False), (18, 2, False), (29, 2, True)):
        os.utime(lock, (beat, beat))  # by the other's clock, which is years behind
        with mine.tried("one") as taken:
            assert taken == free


def test_a_holder_that_works_keeps_its_lock_beyond_the_lease(tmp_path: Path) -> None:
    with Leases(tmp_path, seconds=0.06).tried("one") as mine:
        assert mine
        before = (tmp_path / "one.lock").stat().st_mtime_ns
        deadline = time.monotonic() + 20
        while (tmp_path / "one.lock").stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_waiting_ends_when_the_work_is_done_or_patience_is(tmp_path: Path) -> None:
    with Leases(tmp_path).tried("one"):
        with Leases(tmp_path).held("one", until=lambda: True, what="tile 7"):
            pass
        with (
            pytest.raises(OutputError, match=r"waited 0 s for tile 7, which process \d+ on"),
            Leases(tmp_path, patience=0.0).held("one", until=never, what="tile 7"),
        ):
            raise AssertionError("it was held")


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="cannot write into"),
        Leases(tmp_path / "file").tried("one"),
    ):
        raise AssertionError("it was held")


def test_two_that_share_a_store_make_each_piece_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, np.ndarray]:
        time.sleep(0.05)
        made.append(1)
        return {"value": np.array(len(made))}

    def work() -> None:
        store = PairStore(tmp_path / "work", Leases(tmp_path / "locks"))
        assert kept(store, "one", make)["value"] == 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert made == [1]
