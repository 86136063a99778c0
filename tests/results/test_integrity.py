"""A saved result that changed after it was written is named; one without a manifest is guarded."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.made_results import made_comparison
from universality.errors import FormatError, MissingFileError
from universality.redrawing import redraw, rewrite_report
from universality.results.integrity import reading_of
from universality.storage.manifest import write_manifest


@pytest.fixture
def result(tmp_path: Path) -> Path:
    made_comparison().save(tmp_path)
    write_manifest(tmp_path, {})
    return tmp_path


def test_a_whole_result_is_drawn_and_a_mistake_of_ours_keeps_its_traceback(result: Path) -> None:
    assert rewrite_report(result).is_file()
    with pytest.raises(KeyError), reading_of(result):
        raise KeyError("ours")


def test_a_table_that_changed_is_named(result: Path) -> None:
    table = pd.read_parquet(result / "pairs.parquet")
    table.assign(similarity=0.5).to_parquet(result / "pairs.parquet")
    for again in (rewrite_report, redraw):
        with pytest.raises(FormatError, match=r"pairs\.parquet has changed since the result"):
            again(result)
    (result / "pairs.parquet").unlink()
    with pytest.raises(MissingFileError, match=r"incomplete: no pairs\.parquet"):
        rewrite_report(result)


def test_without_a_manifest_what_cannot_be_drawn_is_damage(result: Path) -> None:
    (result / "manifest.json").unlink()
    summary = json.loads((result / "summary.json").read_text())
    summary["views"] = 7
    (result / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(FormatError, match=r"damaged or incomplete .*; make the result again"):
        rewrite_report(result)
