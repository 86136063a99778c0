import json

import pytest

from universality.activations.documents import (
    Document,
    read_documents,
    text_hash,
    without_duplicates,
)
from universality.errors import FormatError, MissingFileError


def test_every_format_gives_its_texts_in_order(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntext\n")
    (tmp_path / "b.jsonl").write_text('{"title": "B", "text": "two"}\n\n"three"\n{"text": ""}\n')
    (tmp_path / "c.json").write_text(json.dumps({"x": {"text": "four"}, "y": "five"}))
    found = read_documents([tmp_path / name for name in ("a.txt", "b.jsonl", "c.json")])
    assert [document.text for document in found] == ["one\ntext", "two", "three", "four", "five"]
    assert [document.name for document in found][:3] == ["a.txt", "B", "b.jsonl:3"]


def test_another_field(tmp_path):
    (tmp_path / "a.json").write_text('[{"body": "one"}]')
    assert read_documents([tmp_path / "a.json"], field="body")[0].text == "one"


def test_repetitions_are_left_out_and_order_changes_the_hash():
    one, two = Document("1", "a"), Document("2", "b")
    assert without_duplicates([one, two, Document("3", "a")]) == [one, two]
    assert text_hash([one, two]) != text_hash([two, one])
    assert text_hash([Document("", "ab"), Document("", "")]) != text_hash([one, two])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"tex', r"a.jsonl:2: not valid JSON"),
        ("a.json", b"{", r"a.json: not valid JSON"),
        ("a.json", b"3", r"a.json: expected a list or a mapping"),
        (
            "a.json",
            b'[{"body": "x"}]',
            r"a.json:1: .* it has \['body'\]; name the key with --field",
        ),
        ("a.json", b"[3]", r"a.json:1: expected a string or an object"),
        ("a.txt", b"\xff\xfe", r"a.txt: not UTF-8 text"),
        ("a.pdf", b"x", r"end in .txt, .jsonl or .json, not '.pdf'"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_documents([tmp_path / name])


def test_missing_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"--text .*absent.txt: no such file"):
        read_documents([tmp_path / "absent.txt"])
