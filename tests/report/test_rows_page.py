"""Rows of several connectors on one page: each says whose it is, and texts are text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from selenium.webdriver import Chrome

from tests.report.browser import Page
from universality.report import rows_page
from universality.report.connector_rows import row_data

INPUT = {
    **{"source": 3, "weight": 0.5, "standardised": 0.25, "n_fires": 40, "n_alone": 30},
    **{"n_alone_on": 20, "fvu_without": 0.9, "n_changed": 12},
    **{"n_both": 0, "n_both_expected": 0.0, "n_both_off": 0, "n_released": 0},
}


def made_row(target: int, label: str, of: str, token: str) -> dict[str, Any]:
    texts = [
        {
            **{"kind": "target", "source": -1, "rank": 0, "code": 2.0, "document": "one"},
            **{"tokens": ["so ", token, " on"], "centre": 1, "codes": np.array([0.0, 2.0, np.nan])},
        }
    ]
    about = {"target": target, "label": label, "evidence": 20, "fvu": 0.25}
    return row_data(about, [INPUT], texts, of=of)


def test_rows_of_two_connectors_are_told_apart(chromium: Chrome, tmp_path: Path) -> None:
    hostile = "<script>document.title = 'owned'</script>"
    rows = [
        made_row(7, "or", "Seed 0, l1 0.03", "plain"),
        made_row(7, "and_not", "Seed 1, l1 0.1", hostile),
    ]
    file = tmp_path / "rows.html"
    text = rows_page(
        rows, title="Rows", answer=["Of 2 rows all."], counts={"or": 1, "and_not": 1, "unread": 0}
    )
    file.write_text(text, encoding="utf-8")
    opened = Page(chromium, file)
    assert opened.text("h1") == "Rows"
    assert opened.text("#pair h3") == "Seed 0, l1 0.03: target latent 7: weighted OR"
    opened.choose("label", "and_not")
    assert opened.text("#pair h3") == "Seed 1, l1 0.1: target latent 7: AND-NOT"
    assert hostile in opened.text("#pair")
    assert opened.run("return document.title") == "Rows"
    assert opened.errors() == []
