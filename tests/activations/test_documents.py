import json
import os
from pathlib import Path

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
    with pytest.raises(MissingFileError, match=r"no such file: .*absent.txt"):
        read_documents([tmp_path / "absent.txt"])


def test_lines_of_json_may_hold_every_separator_and_a_byte_order_mark(tmp_path: Path) -> None:
    texts = [f"one{chr(separator)}two" for separator in (0x2028, 0x2029, 0x85, 0x0B, 0x1E)]
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\r\n" for text in texts)
    (tmp_path / "t.jsonl").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    assert [one.text for one in read_documents([tmp_path / "t.jsonl"])] == texts
    (tmp_path / "t.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(texts).encode())
    assert [one.text for one in read_documents([tmp_path / "t.json"])] == texts
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfplain")
    assert [one.text for one in read_documents([tmp_path / "t.txt"])] == ["plain"]


def test_a_text_of_null_is_an_empty_one_and_other_kinds_are_described(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": null}\n{"text": "a"}\n{"text": ""}\n')
    assert [one.text for one in read_documents([path])] == ["a"]
    path.write_text('{"text": 7}\n')
    with pytest.raises(FormatError, match=r"t.jsonl:1: .*'text', but there it holds 7"):
        read_documents([path])
    path.write_text("null\n")
    with pytest.raises(FormatError, match=r"t.jsonl:1: expected a string or .* found None"):
        read_documents([path])


def test_halves_of_characters_become_the_replacement_character_and_are_counted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"text": "a\\ud83d b\\udc00", "title": "t\\ud800"}\n{"text": "\\ud83d\\ude00"}\n'
    )
    first, second = read_documents([path])
    assert (first.text, first.name, first.n_replaced) == ("a\ufffd b\ufffd", "t\ufffd", 2)
    assert (second.text, second.n_replaced) == ("\U0001f600", 0)
    assert len(text_hash([first, second])) == 64


def test_what_would_never_end_or_fill_memory_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "device.txt").symlink_to("/dev/zero")
    (tmp_path / "circle.txt").symlink_to(tmp_path / "circle.txt")
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(64 * 2**30)
    with (tmp_path / "large.txt").open("wb") as file:
        file.write(b"a" * 2**16)
        file.truncate(2**42)
    for name, said in (
        ("pipe", r"is a pipe \(FIFO\)"),
        ("device", "is a device"),
        ("sparse", "NUL bytes, the first at byte 0|the rest are holes"),
        ("large", "are more than fit into the memory|the rest are holes"),
    ):
        with pytest.raises(FormatError, match=said):
            read_documents([tmp_path / f"{name}.txt"])
    with pytest.raises(MissingFileError, match="circle"):
        read_documents([tmp_path / "circle.txt"])
