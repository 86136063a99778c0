"""What finished work depends on: noted, compared, and said where it differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from universality.errors import OutputError
from universality.storage.dependencies import (
    differences,
    digest,
    read_note,
    require_same,
    write_note,
)

DEPENDS = {"k": 32, "rate": 1e-3, "widths": (1, 2), "cache_sha256": "a" * 64, "limit": None}


def test_a_note_that_was_written_agrees_and_may_say_more(tmp_path: Path) -> None:
    write_note(tmp_path / "note.json", DEPENDS, schema="made/1")
    noted = read_note(tmp_path / "note.json")
    assert noted is not None
    assert noted["schema"] == "made/1"
    require_same(noted, DEPENDS, place=tmp_path, holds="a run")
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]


def test_every_difference_is_named_with_both_ways_out(tmp_path: Path) -> None:
    now = {**DEPENDS, "k": 64, "cache_sha256": "b" * 64, "seed": 1, "texts": "x" * 300}
    said = r"holds a run made from something else: k was 32, is now 64; cache_sha256 was \"aaa.*"
    said += r"seed was not noted.*; choose another --to, or delete"
    with pytest.raises(OutputError, match=said):
        require_same(
            DEPENDS | {"widths": [1, 2]}, now, place=tmp_path, holds="a run", option="--to"
        )
    assert len("; ".join(differences({"texts": "y" * 300}, now))) < 400


def test_the_digest_tells_any_difference_and_not_the_order() -> None:
    assert digest(DEPENDS) == digest(dict(reversed(DEPENDS.items())))
    assert digest(DEPENDS) == digest({**DEPENDS, "widths": [1, 2]})
    for name in DEPENDS:
        assert digest({**DEPENDS, name: "other"}) != digest(DEPENDS)
        assert digest({k: v for k, v in DEPENDS.items() if k != name}) != digest(DEPENDS)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"depends": 3}', "[" * 100_000, "\x00\xff"])
def test_a_damaged_note_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "note.json").write_text(text)
    assert read_note(tmp_path / "note.json", key="depends") is None
    assert read_note(tmp_path / "absent.json") is None
