"""Engines hand out tiles by name: same bytes, and plain words where they cannot be used."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.distributed.planned import bytes_of, make_case
from universality.distributed import engines
from universality.distributed.engines import work, work_in_ray, work_in_slurm
from universality.distributed.merging import merge_work
from universality.distributed.shard import Shard, shard_from, shard_of_launcher
from universality.errors import InvalidInputError, MissingDependencyError

ROOT = Path(__file__).resolve().parents[2]


def test_two_torchrun_processes_and_a_pool_give_the_plain_bytes(tmp_path: Path) -> None:
    """Half by torchrun's two ranks, of which one's tiles are lost, the rest by a pool."""
    case = make_case("compare", tmp_path)
    plan = case.plan(tmp_path / "plan")
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    done = subprocess.run(
        [*launch, "-m", "universality.cli", "work", str(plan)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-2000:]
    assert "shard 1/2" in done.stdout
    notes = sorted((plan / "done").iterdir())
    for note in notes[::2]:
        note.unlink()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = work(plan, executor=pool)
    assert found.n_missing == 0
    assert len(found.made) == len(notes[::2])
    merge_work(plan, tmp_path / "merged")
    assert bytes_of(tmp_path / "merged") == case.plain


def test_a_launcher_says_which_part_this_is() -> None:
    assert shard_of_launcher({}) is None
    assert shard_of_launcher({"RANK": "1", "WORLD_SIZE": "4"}) == Shard(1, 4)
    with pytest.raises(InvalidInputError, match="numbered 0 to 3"):
        shard_of_launcher({"RANK": "4", "WORLD_SIZE": "4"})


@pytest.mark.parametrize("text", ["", "1", "a/b", "1/2/3", "-1/2", "0/0"])
def test_a_text_that_says_no_part_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="--shard"):
        shard_from(text)


def test_parts_are_disjoint_and_together_everything() -> None:
    items = list(range(23))
    parts = [Shard(number, 7).part(items) for number in range(7)]
    assert sorted(item for part in parts for item in part) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_an_engine_that_is_not_installed_names_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(engines, "import_module", missing)
    with pytest.raises(MissingDependencyError, match=r"universality\[ray\]"):
        work_in_ray(tmp_path)
    with pytest.raises(MissingDependencyError, match=r"universality\[slurm\]"):
        work_in_slurm(tmp_path, n_jobs=1, logs=tmp_path)
