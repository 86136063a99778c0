"""The line of stages: what it says, and that bars count on it in place of drawing themselves."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from universality.compute.stages import Stage, StageBar, counted, enter_stage, stage_line
from universality.compute.watch import Watch

TWO = (Stage.READ, Stage.MATCH)


class _Terminal:
    """A stream that says it is a terminal, and keeps what is written."""

    def __init__(self) -> None:
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> _Terminal:
    """Standard error as a terminal. No fixture: pytest sets its own again before the test."""
    stream = _Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_a_stage_says_its_number_and_name_and_the_line_ends_empty() -> None:
    said: list[str] = []
    with stage_line(TWO, said.append):
        enter_stage(Stage.READ)
        enter_stage(Stage.MATCH)
        enter_stage(Stage.WIDTHS)  # was not announced
    assert said == ["1 of 2: reading the runs", "2 of 2: matching latents", ""]


def test_the_line_ends_empty_after_an_error_and_is_over() -> None:
    said: list[str] = []
    with pytest.raises(RuntimeError), stage_line(TWO, said.append):
        raise RuntimeError
    enter_stage(Stage.READ)
    assert said == [""]


def test_bars_count_on_the_line_and_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    said: list[str] = []
    with stage_line(TWO, said.append):
        enter_stage(Stage.MATCH)
        for _ in counted(range(4), "pairs of runs"):
            time.sleep(0.15)  # longer than tqdm waits between two drawings
    head = "2 of 2: matching latents, "
    assert said[1] == f"{head}0 % of pairs of runs"
    assert any(one.startswith(f"{head}50 % of pairs of runs, 00:0") for one in said)
    assert said[-1] == ""
    assert terminal.written.strip() == ""


def test_bars_of_other_threads_count_on_the_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    said: list[str] = []
    with stage_line(TWO, said.append), ThreadPoolExecutor(1) as pool:
        enter_stage(Stage.MATCH)
        pool.submit(lambda: list(counted("ab", "letters"))).result()
    assert "2 of 2: matching latents, 0 % of letters" in said
    assert terminal.written.strip() == ""


def test_what_the_solver_is_at_is_not_on_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    watched(monkeypatch)
    said: list[str] = []
    with stage_line(TWO, said.append):
        enter_stage(Stage.MATCH)
        with Watch() as watch:
            watch.report("augmenting paths", unassigned=7)
    assert set(said) == {"2 of 2: matching latents", ""}


def test_without_a_line_bars_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    with Watch() as watch:
        watch.report("augmenting paths", unassigned=7)
    assert "augmenting paths" in terminal.written
    assert "unassigned=7" in terminal.written


def test_progress_off_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watched(monkeypatch)
    said: list[str] = []
    with stage_line(TWO, said.append):
        assert list(counted(range(3), "steps", progress=False)) == [0, 1, 2]
        StageBar(total=3, desc="x", progress=False).close()
    assert said == [""]
    assert terminal.written == ""
