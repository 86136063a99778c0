"""Collection from models, tokenizers and disks that are not as one would wish."""

import errno

import pytest
import torch

from tests.activations.test_collection import DOCUMENTS, HOOK, _collect, _files, _rows, model
from tests.tiny_model import random_text
from universality.activations import collection, shards
from universality.activations.cache import open_cache
from universality.activations.collection_plan import hook_folders
from universality.activations.documents import Document
from universality.activations.windows import special_tokens
from universality.errors import InvalidInputError, OutputError
from universality.models.language_model import LanguageModel, load_language_model

__all__ = ["model"]
FEW = DOCUMENTS[:4]


def _with_tokenizer(model, change):
    """The model with a copy of its tokenizer, changed."""
    import copy

    tokenizer = copy.deepcopy(model.tokenizer)
    change(tokenizer)
    return LanguageModel(model.module, tokenizer, model.name)


def _name_bos(tokenizer):
    tokenizer.bos_token = "cat"


def test_the_side_on_which_a_tokenizer_pads_does_not_matter(model, tmp_path):
    for side in ("left", "right"):
        changed = _with_tokenizer(model, lambda t, side=side: setattr(t, "padding_side", side))
        _collect(changed, tmp_path / side, FEW)
    assert _files(tmp_path / "left") == _files(tmp_path / "right")


def test_special_tokens_in_the_text_have_no_rows_unless_kept(model, tmp_path):
    named = _with_tokenizer(model, _name_bos)
    cat = named.tokenizer.bos_token_id
    assert special_tokens(named.tokenizer) == [cat]
    dropped = _collect(named, tmp_path / "dropped", FEW)
    kept = _collect(named, tmp_path / "kept", FEW, drop_special=False)
    others = _rows(kept).tokens != cat
    n_special = int((~others).sum())
    assert n_special > 0
    assert dropped.meta.dropped["special"] == n_special == len(kept) - len(dropped)
    assert torch.equal(_rows(dropped).activations, _rows(kept).activations[others])
    assert (dropped.meta.drop_special, kept.meta.drop_special) == (True, False)


def test_bos_stands_before_each_window_when_asked_for(model, tmp_path):
    named = _with_tokenizer(model, _name_bos)
    cache = _collect(named, tmp_path / "c", prepend_bos=True, drop_special=False, max_tokens=40)
    rows = _rows(cache)
    assert cache.meta.bos == named.tokenizer.bos_token_id
    assert len(rows) == 40
    second = rows.documents == 1
    ids = named.tokenizer(DOCUMENTS[1].text, return_tensors="pt").input_ids[:, : int(second.sum())]
    with torch.no_grad():
        inputs = torch.cat([torch.tensor([[cache.meta.bos]]), ids], dim=1)
        states = model.module(inputs, output_hidden_states=True).hidden_states[2][0, 1:]
    assert rows.tokens[second].tolist() == ids[0].tolist()
    torch.testing.assert_close(rows.activations[second].float(), states, rtol=2e-3, atol=1e-3)


def test_bfloat16_rows_are_those_of_float32_to_its_precision(model, tmp_path):
    model.module.config.save_pretrained(tmp_path / "model")
    model.module.save_pretrained(tmp_path / "model")
    model.tokenizer.save_pretrained(tmp_path / "model")
    half = load_language_model(tmp_path / "model", dtype=torch.bfloat16)
    cache = _collect(half, tmp_path / "half", FEW)
    exact = _rows(_collect(model, tmp_path / "exact", FEW)).activations.float()
    assert cache.meta.model_dtype == "bfloat16"
    torch.testing.assert_close(_rows(cache).activations.float(), exact, rtol=0.05, atol=2e-3)


def test_a_full_disk_leaves_whole_files_and_says_so(model, tmp_path, monkeypatch):
    _collect(model, tmp_path / "whole")
    save, calls = shards.save_file, []

    def full(tensors, path, **options):
        calls.append(path)
        if len(calls) == 2:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(tensors, path, **options)

    monkeypatch.setattr(shards, "save_file", full)
    message = r"cannot write .*acts-00001.safetensors: No space left on device; make room"
    with pytest.raises(OutputError, match=message):
        _collect(model, tmp_path / "c")
    names = {path.name for path in (tmp_path / "c").iterdir()}
    assert names == {"collection.json", "acts-00000.safetensors"}
    _collect(model, tmp_path / "c")
    assert _files(tmp_path / "c") == _files(tmp_path / "whole")


def test_interrupted_between_two_hooks_only_what_is_missing_is_run(model, tmp_path, monkeypatch):
    names = (HOOK, "blocks.0.hook_resid_mid")
    folders = {name: tmp_path / name for name in names}
    options = {"context": 16, "shard_tokens": 60}
    write, written = collection.write_shard, []

    def interrupted(path, *rest):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *rest)

    monkeypatch.setattr(collection, "write_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        collection.collect_into(model, DOCUMENTS, folders, **options)
    monkeypatch.undo()
    asked, record = [], collection.record
    monkeypatch.setattr(collection, "record", lambda *a: asked.append(len(a[1])) or record(*a))
    together = collection.collect_into(model, DOCUMENTS, folders, **options)
    assert set(asked) == {1, 2}
    for name in names:
        alone = _collect(model, tmp_path / "alone" / name, hook_name=name)
        assert _files(together[name].path) == _files(alone.path)


def test_one_hook_goes_into_the_folder_itself_and_several_below_it(model, tmp_path):
    assert hook_folders(tmp_path, ["a", "a"]) == {"a": tmp_path}
    assert hook_folders(tmp_path, ["a", "b"]) == {"a": tmp_path / "a", "b": tmp_path / "b"}
    _collect(model, tmp_path / "c", FEW)
    with pytest.raises(OutputError, match="cache of a single hook; choose another --out"):
        hook_folders(tmp_path / "c", ["a", "b"])


def test_going_on_with_another_tokenizer_is_refused(model, tmp_path):
    cache = _collect(model, tmp_path / "c", FEW)
    before = _files(cache.path)
    other = _with_tokenizer(model, lambda tokenizer: tokenizer.add_tokens(["zebra"]))
    with pytest.raises(OutputError, match="begun with another tokenizer"):
        _collect(other, tmp_path / "c", FEW)
    assert _files(open_cache(tmp_path / "c").path) == before


def test_tokenizer_with_more_tokens_than_the_model_embeds_is_refused(model, tmp_path):
    other = _with_tokenizer(model, lambda tokenizer: tokenizer.add_tokens(["zebra"]))
    text = Document("wild", f"{random_text(5, seed=0)} zebra")
    n = model.n_embeddings
    with pytest.raises(InvalidInputError, match=f"gives token {n}, the model embeds {n} tokens"):
        _collect(other, tmp_path / "c", [text])
    assert not (tmp_path / "c").exists()
