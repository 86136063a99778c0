"""Connectors over seeds on a tiny study: what is written, and that a second run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from analysis.language_rows import Settings, run
from tests.tiny_study import make_study
from universality.results.connected import ROW_LABELS


def test_every_seed_is_read_and_compared(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study")
    pairs = [(study.runs[0], study.runs[1]), (study.runs[1], study.runs[0])]
    settings = Settings(n_tokens=10_000, l1=(3e-3, 1e-2), steps=40)
    out, work = tmp_path / "out", tmp_path / "work"
    run(pairs, (study.cache, study.cache), out, work, settings)

    quality = pd.read_csv(out / "connectors.csv")
    assert len(quality) == 4
    widths = [pair[1].d_sae for pair in pairs] * 2
    assert (quality[list(ROW_LABELS)].sum(axis=1) <= widths).all()
    across = pd.read_csv(out / "across_seeds.csv")
    assert set(across["l1"]) == {3e-3, 1e-2}
    whole = across.query("similarity == 0")
    assert (whole["cosine_ceiling"] > whole["cosine_null"]).all()
    rows = json.loads((out / "rows.json").read_text(encoding="utf-8"))["rows"]
    assert {row["label"] for row in rows} <= {"or", "and_not"}
    assert all(row["evidence"] > 0 and row["inputs"] for row in rows)
    page = (out / "rows.html").read_text(encoding="utf-8")
    assert page.count('"target":') == len(rows)

    before = {path: path.stat().st_mtime_ns for path in work.iterdir()}
    run(pairs, (study.cache, study.cache), out, work, settings)
    assert before == {path: path.stat().st_mtime_ns for path in work.iterdir()}
