"""A grid that was struck by SIGKILL, twice, ends in the bytes of one that was left alone."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from tests.made_caches import write_cache

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here"),
]


def _command(cache, out):
    return [
        sys.executable, "-m", "universality.cli", "train", "--activations", str(cache),
        "--out", str(out), "--seeds", "0,1,2", "--expansion", "1,4,16", "--k", "8",
        "--tokens", "100000", "--batch-size", "500", "--dtype", "float32", "--checkpoints", "2",
    ]  # fmt: skip


def _files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("training_environment.json", "grid.json")
    }


def _killed_when(command, sign):
    """Run, and kill as soon as `sign` says so; whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if sign():
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.01)
    return False


def test_three_seeds_by_three_widths_killed_twice(tmp_path):
    generator = torch.Generator().manual_seed(0)
    cache = tmp_path / "cache"
    write_cache(cache, torch.randn(20_000, 32, generator=generator) ** 3 + 1)
    whole, struck = tmp_path / "whole", tmp_path / "struck"
    subprocess.run(_command(cache, whole), check=True, capture_output=True)
    state = struck / ".w128-s1.unfinished" / "state.safetensors"
    last = struck / ".w512-s2.unfinished" / "checkpoints"
    assert _killed_when(_command(cache, struck), state.exists)
    assert _killed_when(_command(cache, struck), last.exists)
    subprocess.run(_command(cache, struck), check=True, capture_output=True)
    found, expected = _files(struck), _files(whole)
    assert found.keys() == expected.keys()
    assert len([name for name in found if name.endswith("training_record.json")]) == 9
    assert all(found[name] == expected[name] for name in found)
