"""Texts as readers see them: each once, the strongest first, on one line."""

from __future__ import annotations

import pandas as pd

from universality.results.shown_contexts import context_line, strongest_contexts


def test_each_text_stands_once_and_strength_is_counted_in_each_latents_largest_code() -> None:
    rows = [
        {"kind": "a", "row": 1, "code_a": 10.0, "code_b": 0.5},
        {"kind": "a", "row": 2, "code_a": 4.0, "code_b": 0.0},
        {"kind": "b", "row": 3, "code_a": 0.0, "code_b": 0.9},
        {"kind": "b", "row": 1, "code_a": 10.0, "code_b": 0.5},
        {"kind": "b", "row": 4, "code_a": 0.0, "code_b": -1.0},
        {"kind": "only_a", "row": 5, "code_a": 99.0, "code_b": 0.0},
    ]
    assert strongest_contexts(pd.DataFrame(rows))["row"].tolist() == [1, 4, 3, 2]
    assert strongest_contexts(pd.DataFrame(rows), most=2)["row"].tolist() == [1, 4]
    assert strongest_contexts(pd.DataFrame(rows[:0], columns=list(rows[0]))).empty


def test_a_line_begins_at_a_word_and_marks_its_token() -> None:
    row = {"tokens": ["Sil", "icate", ". The", " name", "\n is", " here", " now"], "centre": 4}
    assert context_line(row, before=3, after=1) == "name[ is] here"
    assert context_line(row, before=9, after=9) == "Silicate. The name[ is] here now"
