"""A collection goes on only with what it was begun with, and says what differs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from tests.activations.test_collection import DOCUMENTS, HOOK, _collect, _files
from tests.tiny_model import save_tiny_model
from universality.activations import collection
from universality.activations.cache import open_cache
from universality.errors import FormatError, OutputError
from universality.models.language_model import LanguageModel, load_language_model
from universality.storage.claims import claimed
from universality.storage.writers import this_writer


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "model")


@pytest.fixture
def begun(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection that was stopped after its first shard."""
    write_shard = collection.write_shard

    def stopped(path: Path, *arguments: object) -> None:
        if path.name == "acts-00001.safetensors":
            raise KeyboardInterrupt
        write_shard(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(collection, "write_shard", stopped)
        with pytest.raises(KeyboardInterrupt):
            _collect(load_language_model(place), tmp_path / "c")
    return tmp_path / "c"


def rewrite_weights(place: Path) -> None:
    """Other weights at the same path."""
    save_tiny_model(place, seed=1)


def rewrite_config(place: Path) -> None:
    """The same weights, computed with in another way."""
    config = json.loads((place / "config.json").read_text())
    config["rms_norm_eps"] = 0.5
    (place / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("change", [rewrite_weights, rewrite_config])
def test_a_model_that_changed_at_its_path_is_another(begun: Path, place: Path, change) -> None:
    change(place)
    before = _files(begun)
    with pytest.raises(OutputError, match=r"model_sha256 was .*, is now .*; choose another --out"):
        _collect(load_language_model(place), begun)
    assert _files(begun) == before


def test_a_tokenizer_that_cuts_otherwise_is_said(begun: Path, place: Path) -> None:
    tokenizer = json.loads((place / "tokenizer.json").read_text())
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": "cat"}, "content": "mat"}
    (place / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(OutputError, match="windows_sha256 was"):
        _collect(load_language_model(place), begun)


def test_a_lone_unfinished_note_is_gone_over(place: Path, tmp_path: Path) -> None:
    model = load_language_model(place)
    whole = _files(_collect(model, tmp_path / "whole").path)
    folder = tmp_path / "c"
    folder.mkdir()
    gone = this_writer().label.replace(f"~{os.getpid()}~", "~4194304~")
    (folder / f".collection.json.{gone}~0.partial").write_text('{"mod')
    (folder / "collection.json").write_text("")
    assert _files(_collect(model, folder).path) == whole


def test_a_damaged_note_beside_shards_is_said(begun: Path, place: Path) -> None:
    (begun / "collection.json").write_text('{"mod')
    with pytest.raises(OutputError, match=r"collection\.json is damaged, so it cannot be told"):
        _collect(load_language_model(place), begun)


def test_a_shard_with_the_name_of_one_of_ours_is_not_taken_for_it(begun: Path, place: Path) -> None:
    other = _collect(load_language_model(place), begun.parent / "other", shard_tokens=61)
    shutil.copy(other.path / "acts-00001.safetensors", begun)
    with pytest.raises(FormatError, match=r"acts-00001.* rows of another collection; move it away"):
        _collect(load_language_model(place), begun)


def test_a_finished_cache_is_not_touched(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_language_model(place)
    cache = _collect(model, tmp_path / "c")
    before = {path: path.stat().st_mtime_ns for path in cache.path.iterdir()}
    monkeypatch.setattr(collection, "record", None)
    assert _collect(model, tmp_path / "c").meta == cache.meta
    assert {path: path.stat().st_mtime_ns for path in cache.path.iterdir()} == before


def test_what_was_killed_when_all_was_whole_is_tidied(place: Path, tmp_path: Path) -> None:
    model = load_language_model(place)
    whole = _files(_collect(model, tmp_path / "c").path)
    gone = this_writer().label.replace(f"~{os.getpid()}~", "~4194304~")
    (tmp_path / "c" / f".writing.{gone}~0.claim").touch()
    assert _files(_collect(model, tmp_path / "c").path) == whole


def test_a_shard_that_is_missing_is_collected_again(place: Path, tmp_path: Path) -> None:
    model = load_language_model(place)
    whole = _files(_collect(model, tmp_path / "c").path)
    (tmp_path / "c" / "acts-00001.safetensors").unlink()
    assert _files(_collect(model, tmp_path / "c").path) == whole


def test_a_second_collection_into_one_folder_is_refused(begun: Path, place: Path) -> None:
    model = load_language_model(place)
    with claimed(begun):
        for folders in (
            {HOOK: begun},
            {"blocks.0.hook_resid_post": begun.parent / "d", HOOK: begun},
        ):
            with pytest.raises(OutputError, match=r"process \d+ on .* is writing there now"):
                collection.collect_into(model, DOCUMENTS, folders, context=16, shard_tokens=60)
    assert len(_collect(model, begun)) == len(open_cache(begun))


def test_the_users_own_files_among_the_shards_stay(begun: Path, place: Path) -> None:
    (begun / "notes.txt").write_text("mine")
    cache = _collect(load_language_model(place), begun)
    assert (cache.path / "notes.txt").read_text() == "mine"


def test_what_a_model_depends_on_is_not_where_it_lies(place: Path, tmp_path: Path) -> None:
    from universality.models.fingerprint import model_hash

    def of(model: LanguageModel) -> str:
        return model_hash(model.module)

    same = of(load_language_model(save_tiny_model(tmp_path / "elsewhere")))
    assert of(load_language_model(place)) == same
    assert of(load_language_model(place, dtype=torch.bfloat16)) != same
    assert of(load_language_model(place, random_weights=3)) != same
