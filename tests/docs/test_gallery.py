"""docs/gallery.md has a picture and its lines for each function that draws, and the lines run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import universality as un
from tests.docs.pages import ROOT, page, python_blocks, sections
from tests.made_connection import made_connection
from tests.made_investigation import made_investigation
from tests.made_label import made_label
from tests.made_results import (
    made_comparison,
    made_comparison_with_effects,
    made_ladder,
    made_stability,
)
from tests.tiny_study import make_study
from universality.results import ToyResult

NO_PICTURES = {
    "figures_of",
    "figures_together",
    "headlines_of",
    "only_settings",
    "plotted_numbers",
    "write_figure",
    "write_figures",
    "write_panels",
}
"""Names of `un.figures` that draw nothing by themselves."""


def _made_toy() -> ToyResult:
    generator = np.random.default_rng(0)
    frames = {
        "W_enc": generator.normal(size=(3, 2, 5, 2)),
        "W_dec": generator.normal(size=(3, 2, 5, 2)),
        "active_fraction": generator.random((3, 2, 5)),
        "resampled": np.zeros((3, 2, 5), dtype=bool),
        "step": np.array([0, 10, 20]),
        "probe": generator.normal(size=(2, 30, 2)),
    }
    return ToyResult(summary={}, W=generator.normal(size=(2, 5)), frames=frames)


def test_every_figure_has_a_picture_and_its_lines() -> None:
    documented = sections(page("gallery.md"), 3)
    names = {f"`{name}`" for name in un.figures.__all__} - {f"`{name}`" for name in NO_PICTURES}
    assert names - set(documented) == set(), (
        "docs/gallery.md: add a section with three lines, then run "
        "`python -m data_visualization.gallery`"
    )
    assert set(documented) - names == set(), "docs/gallery.md: no such figure"
    for heading, text in documented.items():
        name = heading.strip("`")
        assert f"un.figures.{name}(" in text
        picture = ROOT / "docs" / "images" / "gallery" / f"{name}.png"
        assert picture.is_file(), f"{picture}: run `python -m data_visualization.gallery`"
        assert picture.stat().st_size < 100_000


def test_the_lines_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    many = made_ladder()
    by = many.summary["stability_by"]
    by["decoder_norm"] = by["frequency"]
    cells = [
        {"d_sae": 3, "step": step, "views": {"decoder": {"mean": step / 400}}}
        for step in (100, 200, 300)
    ]
    steps = replace(made_stability(), summary=made_stability().summary | {"grid": cells})
    names = {
        "comparison": made_comparison_with_effects(),
        "many": many,
        "planted": many,
        "planted_pair": made_comparison(),
        "steps": steps,
        "seeds": made_stability(),
        "toy": _made_toy(),
        "investigation": made_investigation(),
        "connection": made_connection(make_study(tmp_path / "study")).connection,
        "label": made_label(),
        "calibration": ROOT / "analysis" / "results" / "null_calibration",
    }
    exec(compile("\n".join(python_blocks(page("gallery.md"))), "docs/gallery.md", "exec"), names)
    assert len(list(tmp_path.glob("*.png"))) == len(sections(page("gallery.md"), 3))
