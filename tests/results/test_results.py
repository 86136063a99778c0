"""Saved results read back as they were, and refused when they are not whole."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pandas as pd
import pytest

from tests.made_results import HOSTILE, made_comparison, made_stability
from universality.errors import FormatError, MissingFileError
from universality.results import Comparison, Stability, read_comparison, read_result

TABLES = ("latents_a", "latents_b", "pairs", "curves")


def test_a_comparison_reads_back_as_it_was(tmp_path: Path) -> None:
    made = made_comparison()
    made.save(tmp_path)
    read = read_result(tmp_path)
    assert isinstance(read, Comparison)
    assert read.summary == made.summary
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(read, name), getattr(made, name))
    assert read.evidence is not None
    assert read.evidence["tokens"].map(list).tolist() == made.evidence["tokens"].tolist()
    assert read.held_out is None


def test_a_stability_result_is_told_from_a_comparison(tmp_path: Path) -> None:
    made = made_stability()
    made.save(tmp_path)
    read = read_result(tmp_path)
    assert isinstance(read, Stability)
    pd.testing.assert_frame_equal(read.families, made.families)
    with pytest.raises(FormatError, match=r"universality\.stability/3"):
        read_comparison(tmp_path)


@pytest.mark.parametrize("name", ["pairs.parquet", "curves.csv"])
def test_a_missing_table_is_named(tmp_path: Path, name: str) -> None:
    made_comparison().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(MissingFileError, match=f"incomplete: no {name}"):
        read_result(tmp_path)


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    made_comparison().save(tmp_path)
    (tmp_path / "pairs.parquet").write_bytes(b"PAR1")
    with pytest.raises(FormatError, match=r"pairs.parquet cannot be read"):
        read_result(tmp_path)


def test_a_future_schema_and_no_json_are_refused(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text(json.dumps({"schema": "universality.comparison/4"}))
    with pytest.raises(FormatError, match=r"'universality\.comparison/4'.*remake the result"):
        read_result(tmp_path)
    summary.write_text("{")
    with pytest.raises(FormatError, match="is no readable JSON"):
        read_result(tmp_path)


def test_results_show_as_tables_in_a_notebook() -> None:
    comparison, many = made_comparison(), made_stability()
    means = comparison.means
    assert set(means["observed"]) == {0.5}
    assert set(means["null_mean"]) == {0.1}
    assert means.groupby("view")["null"].first().to_dict() == {
        "activations": "shuffled",
        "decoder": "made",
        "encoder": "made",
    }
    for shown, table in ((comparison._repr_html_(), "observed"), (many._repr_html_(), "mean")):
        assert f"<th>{table}</th>" in shown
        assert HOSTILE[0] not in shown
        assert html.escape(HOSTILE[0]) in shown
