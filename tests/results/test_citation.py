"""What a result says of itself in print, and for a paper."""

from __future__ import annotations

from dataclasses import replace

from tests.made_results import made_comparison, made_stability
from tests.made_runs import make_run, unit_rows
from universality.matching import Matching
from universality.matching.assignment import match
from universality.results import Comparison, Stability


def test_results_print_as_three_lines() -> None:
    rows = unit_rows(6, 4, seed=0)
    matching: Matching = match(rows, rows, progress=False)
    for shown in (made_comparison(), made_stability(), make_run(rows), matching):
        lines = str(shown).splitlines()
        assert len(lines) == 3
        assert all(lines)
        assert max(map(len, lines[1:])) < 200
    assert "6 pairs of 6 and 6 latents" in str(matching)
    assert "proven optimal" in str(matching)


def test_a_citation_names_the_papers_behind_what_was_run() -> None:
    comparison = made_comparison()
    text = comparison.citation()
    assert "activations" in text.splitlines()[0]
    assert "Gerasimov" in text
    assert "arXiv:2501.16615" in text
    summary = {k: v for k, v in comparison.summary.items() if k != "unmatched_span"}
    views = {"decoder": comparison.summary["views"]["decoder"]}
    less: Comparison = replace(comparison, summary=summary | {"views": views})
    assert "Gerasimov" not in less.citation()
    assert "2501.16615" not in less.citation()


def test_a_citation_of_many_runs_names_stitching_only_where_it_was_used() -> None:
    many: Stability = made_stability()
    assert "Song et al." in many.citation() or "threshold" not in many.summary["policy"]
    assert "Leask" not in replace(many, summary=many.summary | {"widths": []}).citation()
