"""The guard before files from outside: each kind of damage, by the smallest input that has it."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.intake.array_files import read_arrays, read_npy
from universality.intake.damage import damage_named
from universality.intake.fields import Fields
from universality.intake.json_files import read_json, read_mapping
from universality.intake.names import well_formed
from universality.intake.plain_files import check_plain
from universality.intake.tensor_files import opened_safetensors


def test_damage_is_named_and_other_errors_pass_through(tmp_path: Path) -> None:
    path = tmp_path / "file"
    said = r"file cannot be read, .*\(a b\); do this"
    with pytest.raises(FormatError, match=said), damage_named(path, advice="do this"):
        raise ValueError("a\nb")
    with pytest.raises(InvalidInputError), damage_named(path):
        raise InvalidInputError("ours")
    with pytest.raises(KeyboardInterrupt), damage_named(path):
        raise KeyboardInterrupt
    with pytest.raises(StopIteration), damage_named(path):
        raise StopIteration


def test_only_plain_files_are_files(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("plain")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "device").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "pipe")
    check_plain(tmp_path / "plain", largest=5)
    check_plain(tmp_path / "link")
    for name, error, said in (
        ("absent", MissingFileError, "no such file"),
        ("plain/inside", MissingFileError, "no such file"),
        ("circle", MissingFileError, "cannot be reached"),
        ("x" * 300, MissingFileError, "cannot be reached: File name too long"),
        (".", FormatError, "is a folder"),
        ("device", FormatError, "is a device"),
        ("pipe", FormatError, "is a pipe"),
    ):
        with pytest.raises(error, match=said):
            check_plain(tmp_path / name)
    with (tmp_path / "plain").open("r+b") as file:
        file.truncate(64 * 2**30)
    with pytest.raises(FormatError, match="the rest are holes"):
        check_plain(tmp_path / "plain")
    with (tmp_path / "plain").open("wb") as file:
        file.truncate(64 * 2**30)
    with pytest.raises(FormatError, match="0 are on the disk: the rest are holes"):
        check_plain(tmp_path / "plain")
    (tmp_path / "plain").write_bytes(b"12345")
    with pytest.raises(FormatError, match="5 bytes, more than a file of its kind can"):
        check_plain(tmp_path / "plain", largest=4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "no readable JSON"),
        (b'{"a": "\xff"}', "no readable JSON"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": -Infinity}', "-Infinity is no JSON"),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
        (b"[" * 100_000, "no readable JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "no readable JSON"),
        (b"", "no readable JSON"),
        (b"[1]", "must hold a mapping, found a list"),
    ],
)
def test_what_is_no_json_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(FormatError, match=said):
        read_mapping(tmp_path / "a.json")


def test_json_of_other_writers_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1, "a": 1, "b": NaN}')
    assert read_json(path, strict=False)["a"] == 1
    with pytest.raises(FormatError, match="more than a file of its kind"):
        read_json(path, largest=3)


def test_fields_are_what_they_must_be() -> None:
    fields = Fields(
        "f.json",
        {
            "n": 3, "less": -1, "half": 0.5, "yes": True, "huge": 10**30, "word": "w",
            "none": None, "path": "../x", "map": {"a": 1}, "list": [{"a": 2}], "bad": [1],
        },
    )  # fmt: skip
    assert (fields.count("n"), fields.text("word"), fields.number("half")) == (3, "w", 0.5)
    assert (fields.optional_count("none"), fields.optional_count("absent")) == (None, None)
    assert fields.counts("map") == {"a": 1}
    assert fields.sections("list")[0].count("a") == 2
    assert fields.flag("absent", default=True)
    for take, key, said in (
        (fields.count, "less", "whole number of at least 0, found -1"),
        (fields.count, "half", "found 0.5"),
        (fields.count, "yes", "found True"),
        (fields.count, "huge", "found 1000"),
        (fields.number, "huge", "finite number of reasonable size"),
        (fields.text, "n", "must be a text"),
        (fields.text, "absent", "f.json lacks 'absent'"),
        (fields.plain_name, "path", "no plain file name"),
        (fields.mapping, "list", "must be a mapping"),
        (fields.sections, "bad", "a list of mappings"),
    ):
        with pytest.raises(FormatError, match=said):
            take(key)


def test_an_npz_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "<i8", "fortran_order": False, "shape": (2**27,)}
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a-b/decoder.npy", "w", force_zip64=True) as member,
    ):
        member.write(buffer.getvalue())
        for _ in range(64):
            member.write(bytes(2**24))
    assert path.stat().st_size < 2**21
    with pytest.raises(FormatError, match=r"would unpack to 1,073,7.* made to fill memory"):
        read_arrays(path)


def test_arrays_that_are_no_plain_numbers_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "record.npy", np.zeros(3, dtype=[("a", "f4"), ("b", "i8")]))
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("hello")
    whole = io.BytesIO()
    np.save(whole, np.zeros(1_000))
    (tmp_path / "short.npy").write_bytes(whole.getvalue()[:-8])
    (tmp_path / "long.npy").write_bytes(whole.getvalue() + bytes(8))
    header = b"\x93NUMPY\x02\x00" + (100 * 2**20).to_bytes(4, "little") + b" " * 1_000
    (tmp_path / "header.npy").write_bytes(header)
    for name, said in (
        ("record", "records"),
        ("object", "pickled Python objects"),
        ("text", "magic string"),
        ("short", "damaged or incomplete"),
        ("long", "8 bytes follow the array"),
        ("header", "damaged or incomplete"),
    ):
        with pytest.raises(FormatError, match=said):
            read_npy(tmp_path / f"{name}.npy")
    np.savez(tmp_path / "a.npz", x=np.arange(4), y=np.ones((2, 2)))
    found = read_arrays(tmp_path / "a.npz")
    assert {name: array.tolist() for name, array in found.items()} == {
        "x": [0, 1, 2, 3],
        "y": [[1, 1], [1, 1]],
    }


def test_safetensors_are_opened_with_the_guard(tmp_path: Path) -> None:
    save_file({"a": torch.ones(3)}, tmp_path / "a.safetensors")
    with opened_safetensors(tmp_path / "a.safetensors") as file:
        assert file.get_tensor("a").tolist() == [1, 1, 1]
    path = tmp_path / "a.safetensors"
    with pytest.raises(FormatError, match="damaged"), opened_safetensors(path) as file:
        file.get_tensor("b")
    (tmp_path / "a.safetensors").write_bytes((100 * 2**20).to_bytes(8, "little") + b"{}")
    with pytest.raises(FormatError, match="damaged"):
        opened_safetensors(tmp_path / "a.safetensors").__enter__()


def test_text_out_of_json_can_be_written_again() -> None:
    text = json.loads('"a\\ud83d b \\ud83d\\ude00"')
    assert well_formed(text) == "a\ufffd b \U0001f600"
    well_formed(text).encode()
