"""Plans that are given rubbish say which, and what to do; no tile is ever taken for another."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.distributed.planned import POLICY, Case, bytes_of, make_case
from tests.made_runs import make_run, unit_rows
from universality.distributed import work_plan, working
from universality.distributed.engines import work
from universality.distributed.merging import merge_work
from universality.distributed.plan_status import plan_status
from universality.distributed.planning import plan_work
from universality.distributed.work_plan import read_plan
from universality.errors import FormatError, InvalidInputError, MissingFileError, OutputError
from universality.saving import save
from universality.storage import kept as kept_work


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    for seed in range(2):
        save(make_run(unit_rows(30, 12, seed=seed), name=f"s{seed}"), tmp_path / f"s{seed}")
    return [str(tmp_path / f"s{seed}") for seed in range(2)]


def planned(runs: list[str], folder: Path, **choices: object) -> Path:
    plan_work("compare", {"a": runs[0], "b": runs[1]}, folder, policy=replace(POLICY, **choices))
    return folder


def test_the_same_plan_again_is_the_same_folder_and_another_is_refused(
    runs: list[str], tmp_path: Path
) -> None:
    plan = planned(runs, tmp_path / "plan")
    work(plan, shard=(0, 2))
    before = len(plan_status(plan).done)
    planned(runs, plan)
    assert len(plan_status(plan).done) == before
    with pytest.raises(OutputError, match=r"another plan: policy was .*another --out"):
        planned(runs, plan, seed=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="is no plan"):
        planned(runs, tmp_path / "mine")


def test_runs_that_changed_since_are_refused(runs: list[str], tmp_path: Path) -> None:
    plan = planned(runs, tmp_path / "plan")
    torch.manual_seed(0)
    (tmp_path / "other").mkdir()
    save(make_run(unit_rows(30, 12, seed=9), name="s1"), tmp_path / "other" / "s1")
    for file in (tmp_path / "other" / "s1").iterdir():
        (Path(runs[1]) / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InvalidInputError, match=r"run s1 was .*put it back, or plan anew"):
        work(plan)
    with pytest.raises((InvalidInputError, MissingFileError)):
        merge_work(plan, tmp_path / "out")


def test_another_version_of_the_package_is_refused(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(runs, tmp_path / "plan")
    monkeypatch.setattr(work_plan, "__version__", "99.0")
    with pytest.raises(FormatError, match=r"was made by version .*this is 99\.0"):
        work(plan)


@pytest.mark.parametrize("device", ["cuda", "meta"])
def test_another_kind_of_device_is_refused(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    plan = planned(runs, tmp_path / "plan")
    monkeypatch.setattr(working, "resolve_device", lambda _: torch.device(device))
    with pytest.raises(InvalidInputError, match=f"planned for cpu, this process .* {device}"):
        work(plan)


def test_a_plan_that_was_edited_or_damaged_is_refused(runs: list[str], tmp_path: Path) -> None:
    plan = planned(runs, tmp_path / "plan")
    whole = (plan / "plan.json").read_text()
    content = json.loads(whole)
    for spoiled, message in (
        (content | {"threads": 7}, "was changed since"),
        (content | {"schema": "x"}, "no plan of this program"),
        (content | {"tiles": 3}, "tiles"),
        (content | {"tiles": [{"kind": "cake", "runs": [], "what": "", "cost": 1}]}, "cake"),
        (content | {"policy": {"colour": 1}}, "damaged"),
        (content | {"command": "bake"}, "bake"),
    ):
        (plan / "plan.json").write_text(json.dumps(spoiled))
        with pytest.raises(FormatError, match=message):
            read_plan(plan)
    (plan / "plan.json").write_text(whole[:100])
    with pytest.raises(FormatError):
        work(plan)
    with pytest.raises(MissingFileError, match="make a plan first"):
        work(tmp_path / "nowhere")


@pytest.mark.parametrize(("shard", "message"), [((2, 2), "0 to 1"), ((0, 0), "at least one")])
def test_a_shard_that_is_none_is_refused(
    runs: list[str], tmp_path: Path, shard: tuple[int, int], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        work(planned(runs, tmp_path / "plan"), shard=shard)


def test_a_missing_shard_is_named_at_the_merge_and_nothing_is_written(
    runs: list[str], tmp_path: Path
) -> None:
    plan = planned(runs, tmp_path / "plan")
    for part in (0, 2):
        work(plan, shard=(part, 3))
    with pytest.raises(MissingFileError, match=r"tiles are missing: .*--shard 1/3"):
        merge_work(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("how", ["cut", "flipped", "gone", "another"])
def test_a_tile_that_is_not_as_it_was_is_named_and_made_anew(how: str, tmp_path: Path) -> None:
    case: Case = make_case("compare", tmp_path)
    plan = case.plan(tmp_path / "plan")
    work(plan)
    tiles = sorted((plan / "work").glob("*.npz"))
    content = tiles[0].read_bytes()
    match how:
        case "cut":
            tiles[0].write_bytes(content[:-40])
        case "flipped":
            middle = len(content) // 2
            tiles[0].write_bytes(
                content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
            )
        case "gone":
            tiles[0].unlink()
        case _:
            tiles[0].write_bytes(tiles[1].read_bytes())
    with pytest.raises(MissingFileError, match=f"{tiles[0].name}.*make them anew"):
        merge_work(plan, tmp_path / "out")
    assert work(plan).n_missing == 0
    merge_work(plan, tmp_path / "out")
    assert bytes_of(tmp_path / "out") == case.plain


def test_a_full_disk_names_worker_and_tile_and_loses_nothing(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(runs, tmp_path / "plan")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(kept_work.np, "savez", full)
        with pytest.raises(OutputError, match=r"worker 0/1, tile '.*No space left"):
            work(plan)
    assert not list((plan / "work").glob("*.npz"))
    assert work(plan).n_missing == 0


def test_a_plan_takes_addresses_and_no_objects(runs: list[str], tmp_path: Path) -> None:
    run = make_run(unit_rows(9, 4, seed=0))
    with pytest.raises(InvalidInputError, match="a is an object of type Dictionary"):
        plan_work("compare", {"a": run, "b": runs[1]}, tmp_path / "plan")
    for arguments, message in (
        ({"a": runs[0]}, "needs the argument b"),
        ({"a": runs[0], "b": runs[1], "colour": 1}, "no argument 'colour'"),
        ({"a": runs[0], "b": runs[1], "store": "x"}, "a place of its own"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            plan_work("compare", arguments, tmp_path / "plan")
    with pytest.raises(OutputError, match="holds an input"):
        plan_work("compare", {"a": runs[0], "b": runs[1]}, tmp_path)
