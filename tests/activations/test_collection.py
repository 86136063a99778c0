"""Collection on a random tiny model: against transformers, against interruption, against itself."""

import json

import pytest
import torch

from tests.tiny_model import D_IN, random_text, save_tiny_model
from universality.activations import collection
from universality.activations.cache import open_cache, read_batches, read_rows, verify_cache
from universality.activations.contexts import context
from universality.activations.documents import Document
from universality.activations.shards import Rows
from universality.errors import FormatError, InvalidInputError, OutputError, UnsupportedError
from universality.models.language_model import load_language_model

HOOK = "blocks.1.hook_resid_post"
DOCUMENTS = [Document(f"text {i}", random_text(5 + 7 * i, seed=i)) for i in range(8)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_language_model(save_tiny_model(tmp_path_factory.mktemp("tiny")))


def _collect(model, out, documents=DOCUMENTS, **options):
    options = {"hook_name": HOOK, "context": 16, "shard_tokens": 60} | options
    hook = options.pop("hook_name")
    return collection.collect_into(model, documents, {hook: out}, **options)[hook]


def _files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _rows(cache):
    return read_rows(cache, torch.arange(len(cache)))


def test_rows_are_the_hidden_states_that_transformers_reports(model, tmp_path):
    rows = _rows(_collect(model, tmp_path / "c"))
    expected = []
    for number, document in enumerate(DOCUMENTS):
        ids = torch.tensor(model.tokenizer(document.text).input_ids)
        for start in range(0, len(ids), 16):
            window = ids[None, start : start + 16]
            with torch.no_grad():
                states = model.module(window, output_hidden_states=True).hidden_states[2][0]
            expected += [
                (number, start + i, int(window[0, i]), states[i]) for i in range(1, window.shape[1])
            ]
    assert rows.documents.tolist() == [row[0] for row in expected]
    assert rows.positions.tolist() == [row[1] for row in expected]
    assert rows.tokens.tolist() == [row[2] for row in expected]
    states = torch.stack([row[3] for row in expected])
    assert rows.activations.dtype == torch.float16
    torch.testing.assert_close(rows.activations.float(), states, rtol=2e-3, atol=1e-3)


def test_several_hooks_in_one_pass_give_the_bytes_of_each_alone(model, tmp_path, monkeypatch):
    names = ("blocks.0.hook_resid_pre", "blocks.0.hook_attn_out", "blocks.1.hook_mlp_out", HOOK)
    alone = {name: _collect(model, tmp_path / "alone" / name, hook_name=name) for name in names}
    passes, record = [], collection.record
    monkeypatch.setattr(collection, "record", lambda *a: passes.append(len(a[1])) or record(*a))
    folders = {name: tmp_path / "together" / name for name in names}
    together = collection.collect_into(model, DOCUMENTS, folders, context=16, shard_tokens=60)
    assert set(passes) == {4}
    for name in names:
        assert _files(together[name].path) == _files(alone[name].path)
    assert together[names[1]].meta.hook_name == names[1]


def test_meta_says_what_the_cache_holds(model, tmp_path):
    cache = _collect(model, tmp_path / "c", [*DOCUMENTS, DOCUMENTS[0]])
    meta = cache.meta
    assert (meta.hook_name, meta.model_name, meta.d_in) == (HOOK, model.name, D_IN)
    assert meta.n_tokens == len(_rows(cache)) == sum(shard.n_tokens for shard in meta.shards)
    assert len(meta.shards) > 2
    assert meta.n_documents == len(DOCUMENTS)
    assert meta.dropped["duplicate_documents"] == 1
    n_words = sum(5 + 7 * i for i in range(8))
    lonely = sum((5 + 7 * i) % 16 == 1 for i in range(8))
    assert meta.n_tokens + meta.dropped["first_position"] == n_words - lonely
    verify_cache(cache)


def test_the_same_inputs_give_the_same_bytes(model, tmp_path):
    _collect(model, tmp_path / "first")
    _collect(model, tmp_path / "second")
    assert _files(tmp_path / "first") == _files(tmp_path / "second")


def test_interrupted_collection_goes_on_to_the_same_bytes(model, tmp_path, monkeypatch):
    _collect(model, tmp_path / "whole")
    run, calls = collection._run, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*arguments, **options)

    monkeypatch.setattr(collection, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _collect(model, tmp_path / "resumed")
    names = {path.name for path in (tmp_path / "resumed").iterdir()}
    assert names == {"collection.json", "acts-00000.safetensors", "acts-00001.safetensors"}
    with pytest.raises(FormatError, match="unfinished; run the same collect command again"):
        open_cache(tmp_path / "resumed")
    calls.clear()
    monkeypatch.setattr(collection, "_run", lambda *a, **o: calls.append(1) or run(*a, **o))
    _collect(model, tmp_path / "resumed")
    assert len(calls) == len(open_cache(tmp_path / "whole").meta.shards) - 2
    assert _files(tmp_path / "resumed") == _files(tmp_path / "whole")


def test_batching_does_not_change_rows(model, tmp_path, monkeypatch):
    one = _rows(_collect(model, tmp_path / "one"))
    monkeypatch.setattr(collection, "_BATCH_TOKENS", 1)
    other = _rows(_collect(model, tmp_path / "other"))
    torch.testing.assert_close(one.activations, other.activations, rtol=2e-3, atol=1e-3)
    assert torch.equal(one.tokens, other.tokens)


def test_max_tokens_are_the_first_rows(model, tmp_path):
    whole = _rows(_collect(model, tmp_path / "whole"))
    part = _rows(_collect(model, tmp_path / "part", max_tokens=50))
    assert len(part) == 50
    assert torch.equal(part.tokens, whole.tokens[:50])
    assert torch.equal(part.documents, whole.documents[:50])


def test_rows_above_ten_times_the_median_norm_are_dropped_and_counted():
    norms = torch.tensor([1.0, 1.0, 2.0, 10.0, 10.1, 1.0])
    numbers = torch.arange(6)
    kept = collection._without_high_norms(Rows(norms[:, None], numbers, numbers, numbers))
    assert kept.tokens.tolist() == [0, 1, 2, 3, 5]


def test_tokenizer_that_begins_texts_with_a_token_gets_it_in_each_window(model, tmp_path):
    class Beginning:
        bos_token_id = 3

        def __call__(self, text, *, add_special_tokens=True, **options):
            found = model.tokenizer(text, add_special_tokens=False, **options)
            if add_special_tokens:
                found["input_ids"] = [3, *found["input_ids"]]
            return found

        def __getattr__(self, name):
            return getattr(model.tokenizer, name)

    with_bos = type(model)(model.module, Beginning(), "tiny")
    rows = _rows(_collect(with_bos, tmp_path / "c", DOCUMENTS[:1]))
    ids = model.tokenizer(DOCUMENTS[0].text).input_ids
    assert rows.tokens.tolist() == ids
    with torch.no_grad():
        states = model.module(torch.tensor([[3, *ids]]), output_hidden_states=True).hidden_states
    torch.testing.assert_close(rows.activations.float(), states[2][0, 1:], rtol=2e-3, atol=1e-3)


def test_context_of_a_row_is_the_text_around_it(model, tmp_path):
    cache = _collect(model, tmp_path / "c")
    rows = _rows(cache)
    for row in (0, 7, len(cache) - 1):
        found = context(cache, row, before=3, after=2)
        document = DOCUMENTS[int(rows.documents[row])]
        position = int(rows.positions[row])
        words = document.text.split()
        assert found.document == document.name
        assert list(found.strings) == words[max(0, position - 3) : position + 3]
        assert found.strings[found.centre] == words[position]
    with pytest.raises(InvalidInputError, match="row -1 is not in"):
        context(cache, -1)


def test_reading_in_batches_and_in_any_order(model, tmp_path):
    cache = _collect(model, tmp_path / "c")
    rows = _rows(cache)
    parts = list(read_batches(cache, 37))
    assert [len(part) for part in parts[:-1]] == [37] * (len(parts) - 1)
    assert torch.equal(torch.cat([part.activations for part in parts]), rows.activations)
    shuffled = torch.randperm(len(cache), generator=torch.Generator().manual_seed(0))[:100]
    picked = read_rows(cache, shuffled)
    assert torch.equal(picked.activations, rows.activations[shuffled])
    assert torch.equal(picked.positions, rows.positions[shuffled])
    with pytest.raises(InvalidInputError, match="batch size must be at least 1"):
        next(read_batches(cache, 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 2}, "--context must be at least 3"),
        ({"context": 65}, "--context 65: .* reads at most 64 tokens"),
        ({"prepend_bos": True}, "--bos: the tokenizer has no beginning-of-sequence token"),
        ({"shard_tokens": 0}, "--shard-tokens must be at least 1"),
        ({"max_tokens": 0}, "--max-tokens must be at least 1"),
        ({"hook_name": "blocks.9.hook_resid_post"}, "layers 0 to 2"),
        ({"documents": [Document("a", "cat")]}, "no document of two tokens"),
    ],
)
def test_bad_options_say_which_flag_and_write_nothing(model, tmp_path, options, message):
    with pytest.raises(InvalidInputError, match=message):
        _collect(model, tmp_path / "c", **options)
    assert not (tmp_path / "c").exists()


def test_other_options_into_the_same_folder_are_refused(model, tmp_path):
    _collect(model, tmp_path / "c")
    with pytest.raises(OutputError, match=r"from something else: hook_name was \"blocks.1.*is now"):
        _collect(model, tmp_path / "c", hook_name="blocks.0.hook_resid_post")


def test_a_folder_with_other_things_is_refused(model, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OutputError, match="is no collection"):
        _collect(model, tmp_path)


def test_states_beyond_float16_are_refused(model, tmp_path, monkeypatch):
    huge = lambda *_: {HOOK: torch.full((1, 16, D_IN), 1e5)}  # noqa: E731
    monkeypatch.setattr(collection, "record", huge)
    with pytest.raises(UnsupportedError, match="do not fit into float16"):
        _collect(model, tmp_path / "c", [Document("a", random_text(16, seed=0))])


def test_truncated_and_changed_shards_are_named(model, tmp_path):
    cache = _collect(model, tmp_path / "c")
    shard = tmp_path / "c" / "acts-00001.safetensors"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(FormatError, match=r"acts-00001.safetensors: sha256 is"):
        verify_cache(cache)
    shard.write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError, match=r"acts-00001\.safetensors cannot be read"):
        _rows(open_cache(tmp_path / "c"))
    shard.unlink()
    with pytest.raises(FormatError, match=r"acts-00001.safetensors: listed .* missing"):
        verify_cache(cache)


def test_meta_of_another_size_or_schema_is_refused(model, tmp_path):
    _collect(model, tmp_path / "c")
    path = tmp_path / "c" / "meta.json"
    meta = json.loads(path.read_text())
    path.write_text(json.dumps(meta | {"d_in": D_IN + 1}))
    with pytest.raises(FormatError, match=r"activations, .* says"):
        _rows(open_cache(tmp_path / "c"))
    path.write_text(json.dumps(meta | {"schema": "universality.activations/99"}))
    with pytest.raises(FormatError, match=r"not of schema universality\.activations/1"):
        open_cache(tmp_path / "c")
