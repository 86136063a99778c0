"""Pages of pairs are told by the weights of the runs, and lie relative to the study's page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_results import made_comparison
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.results.pages_of_pairs import PairPage, pages_of_pairs

STUDY = {"runs": [{"name": name, "sha256": name * 64} for name in "pqr"]}


def saved_pair(folder: Path, a: str, b: str) -> Path:
    made = made_comparison()
    for side, run in (("a", a), ("b", b)):
        made.summary[side]["sha256"] = run * 64
    made.save(folder)
    (folder / "report.html").write_text("<!doctype html>", encoding="utf-8")
    return folder


def test_a_pair_is_known_by_its_weights_and_linked_from_beside(tmp_path: Path) -> None:
    pair = saved_pair(tmp_path / "q and p", "q", "p")
    found = pages_of_pairs([pair], STUDY, beside=tmp_path / "study")
    assert found == (PairPage("q", "p", "../q%20and%20p/report.html"),)


def test_a_pair_of_other_runs_is_refused_by_their_names(tmp_path: Path) -> None:
    pair = saved_pair(tmp_path / "pair", "p", "s")
    with pytest.raises(InvalidInputError, match=r"no run with the weights of .*of p, q, r"):
        pages_of_pairs([pair], STUDY, beside=tmp_path)


def test_a_folder_without_a_page_or_without_a_result_is_refused(tmp_path: Path) -> None:
    pair = saved_pair(tmp_path / "pair", "p", "q")
    (pair / "report.html").unlink()
    with pytest.raises(MissingFileError):
        pages_of_pairs([pair], STUDY, beside=tmp_path)
    with pytest.raises((MissingFileError, FormatError)):
        pages_of_pairs([tmp_path / "none"], STUDY, beside=tmp_path)
