"""A decoder of 262,144 latents is opened by memory map and inspected in bounded memory."""

from __future__ import annotations

import json
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.loading.fixtures import CHECKPOINTS
from universality.intake import plain_files
from universality.loading.addressed_runs import load
from universality.loading.inspection import examine

N, D = 262_144, 2_304


@pytest.fixture
def sparse_on_disk(tmp_path: Path) -> Path:
    """A bare decoder of zeros that take no room on the disk."""
    size = 4 * N * D
    entry = {"dtype": "F32", "shape": [N, D], "data_offsets": [0, size]}
    header = json.dumps({"W_dec": entry}).encode()
    header += b" " * (-len(header) % 8)  # aligned, as every writer of safetensors leaves it
    path = tmp_path / "decoder.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)
    assert path.stat().st_blocks * 512 < 2**20
    return path


def test_opening_reads_nothing(sparse_on_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_files, "_LARGE", 2**60)  # holes stand for weights here
    load(CHECKPOINTS / "bare" / "four" / "decoder.safetensors")  # whatever is imported, once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    dictionary = load(sparse_on_disk, views=("decoder",), checked=False)
    assert dictionary.W_dec.shape == (N, D)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 2**10


# Not getrusage: its peak survives exec, so the child would be charged with its parent's memory.
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_inspecting_stays_below_a_gigabyte(sparse_on_disk: Path) -> None:
    code = (
        "import re, sys\n"
        "from universality.intake import plain_files\n"
        "from universality.loading.inspection import examine\n"
        "plain_files._LARGE = 2**60\n"
        "found = examine(sys.argv[1])\n"
        "assert found.n_zero_rows == found.dictionary.d_sae == 262_144\n"
        "status = open('/proc/self/status').read()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1])\n"
    )
    command = [sys.executable, "-c", code, str(sparse_on_disk)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) < 2**20, result.stdout  # KiB


def test_norms_of_a_large_decoder_are_those_of_its_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    W_dec = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    save_file({"W_dec": W_dec}, tmp_path / "small.safetensors")
    whole = examine(tmp_path / "small.safetensors").decoder_norms
    monkeypatch.setattr("universality.loading.inspection._LARGE", 64)
    assert torch.equal(examine(tmp_path / "small.safetensors").decoder_norms, whole)
    assert torch.allclose(whole, W_dec.norm(dim=1))
