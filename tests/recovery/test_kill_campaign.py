"""A small sample of the campaign, and what the whole of it found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recovery.subjects import SUBJECTS

WHOLE = Path(__file__).with_name("kill_campaign.json")


@pytest.mark.slow
def test_a_few_strikes_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.recovery.kill_campaign", "--strikes", "9"]
    options = ["--seed", "7", "--only", "collect,train,report"]
    command += [*options, "--out", str(tmp_path / "found.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["strikes"] == 9
    assert set(found["by_command"]) == {"collect", "train", "report"}


def test_the_whole_campaign_struck_every_command_with_every_signal() -> None:
    found = json.loads(WHOLE.read_text())
    assert found["strikes"] == len(found["each"]) >= 60
    assert found["lost"] == 0
    assert set(found["by_command"]) == {one.name for one in SUBJECTS}
    assert set(found["by_signal"]) == {"SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"}
    for one in found["each"]:
        assert one["exit"] != 0
