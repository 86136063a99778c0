"""Work kept on disk: found again by all it depends on, and never mistaken for another."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.made_runs import make_run, unit_rows
from universality.errors import OutputError
from universality.saving import save
from universality.storage.kept import PairStore, begin_store, end_store, kept
from universality.storage.owned import our_files, remove_ours


def make(value: int) -> Mapping[str, np.ndarray]:
    return {"value": np.array(value)}


def never() -> Mapping[str, np.ndarray]:
    raise AssertionError("it was kept")


def test_work_is_made_once_for_each_key(tmp_path: Path) -> None:
    store = PairStore(tmp_path / "st.pairs")
    for key, value in (("one", 1), ("two", 2)):
        assert kept(store, key, lambda value=value: make(value))["value"] == value
        assert kept(store, key, never)["value"] == value
    assert kept(None, "one", lambda: make(3))["value"] == 3


def test_a_file_with_the_name_of_another_piece_of_work_is_not_taken_for_it(tmp_path: Path) -> None:
    store = PairStore(tmp_path / "st.pairs")
    kept(store, "one", lambda: make(1))
    shutil.copy(store.path("one"), store.path("two"))
    np.savez(store.path("three"), value=np.array(3))
    store.path("four").write_bytes(b"PK\x03\x04 cut short")
    for key in ("two", "three", "four"):
        assert kept(store, key, lambda: make(7))["value"] == 7


def test_the_end_removes_what_was_kept_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "st.pairs"
    kept(PairStore(folder), "one", lambda: make(1))
    mine = [folder / "thesis.txt", folder / f"{'a' * 64}.npz"]
    mine[0].write_text("mine")
    np.savez(mine[1], value=np.array(1))
    assert end_store(folder) == sorted(path.name for path in mine)
    assert sorted(folder.iterdir()) == sorted([*mine, folder / "pairs.json"])
    for path in mine:
        path.unlink()
    assert end_store(folder) == []
    assert not folder.exists()


def test_of_a_folder_only_what_is_ours_is_removed(tmp_path: Path) -> None:
    run = make_run(unit_rows(6, 4, seed=0))
    for place in (tmp_path / "alone", tmp_path / "shared"):
        save(run, place)
    (tmp_path / "shared" / "mine.txt").write_text("mine")
    for place in (tmp_path / "alone", tmp_path / "shared"):
        assert our_files(place) == ["cfg.json", "sae_weights.safetensors"]
        remove_ours(place)
    assert [path.name for path in tmp_path.rglob("*")] == ["shared", "mine.txt"]


def test_a_folder_that_holds_something_else_is_neither_begun_nor_ended(tmp_path: Path) -> None:
    folder = tmp_path / "st.pairs"
    folder.mkdir()
    (folder / ".DS_Store").write_text("view")
    begin_store(folder)
    (folder / "pairs.json").write_text("{")
    begin_store(folder)
    (folder / "pairs.json").unlink()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"thesis\.txt; move that out .*another --out"):
        begin_store(folder)
    assert end_store(folder) == []
    assert sorted(path.name for path in folder.iterdir()) == [".DS_Store", "thesis.txt"]
