"""The report of many runs, in a real browser."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver import ActionChains, Chrome, Keys

from tests.made_results import HOSTILE, made_ladder, made_stability
from tests.report.browser import Page
from universality.report import page
from universality.results import Stability
from universality.results.pages_of_pairs import PairPage


@pytest.fixture
def opened(chromium: Chrome, tmp_path: Path) -> Page:
    file = tmp_path / "report.html"
    file.write_text(page(made_stability()), encoding="utf-8")
    return Page(chromium, file)


def test_it_opens_without_an_error_and_asks_for_nothing(opened: Page) -> None:
    assert opened.errors() == []
    assert opened.requests() == []


def test_the_matrix_shows_every_pair_from_both_sides(opened: Page) -> None:
    assert opened.run("return document.querySelectorAll('#matrix rect').length") == 6
    assert "0.40" in opened.text("#matrix")


def test_a_family_opens_with_its_members_side_by_side(opened: Page, chromium: Chrome) -> None:
    opened.first_row().click()
    ActionChains(chromium).send_keys(Keys.ARROW_DOWN).perform()
    assert "Family 1, by decoder" in opened.text("#pair")
    rows = opened.run(
        "return [...document.querySelectorAll('#members tr')]"
        ".map(row => [...row.children].map(cell => cell.textContent))"
    )
    assert rows == [["run", HOSTILE[0], "r1", "r2"], ["latent", "1", "1", "1"]]
    assert opened.run("return document.querySelectorAll('img').length") == 0


def test_a_family_shows_the_texts_on_which_its_members_fire(opened: Page, chromium: Chrome) -> None:
    opened.first_row().click()
    ActionChains(chromium).send_keys(Keys.ARROW_DOWN).perform()
    cells = opened.run(
        "return [...document.querySelectorAll('#texts td')].map(cell => cell.textContent)"
    )
    assert cells == [f"before {HOSTILE[0]} after", "1.00", "0.50", "0.00"]
    assert opened.errors() == []


def test_stability_stands_against_frequency(opened: Page) -> None:
    assert opened.run("return document.querySelectorAll('#against circle').length") == 2
    assert "mean 0.750" in opened.text("#against")


def test_the_flow_of_each_step_of_the_ladder_can_be_chosen(
    chromium: Chrome, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(made_ladder()), encoding="utf-8")
    opened = Page(chromium, file)
    titles = "return [...document.querySelectorAll('#flow path title')].map(one => one.textContent)"
    assert set(opened.run(titles)) == {
        "same to same: 2",
        "split to refined: 2",
        "nothing to novel: 2",
    }
    opened.choose("step", "1")
    assert set(opened.run(titles)) == {
        "same to same: 6",
        "nothing to none: 6",
    }
    assert "0.6000" in opened.text("#widths")
    assert opened.errors() == []


def test_search_keeps_the_families_of_a_run(opened: Page) -> None:
    opened.choose("search", "r2")
    assert opened.text("#found") == "2 of 3 families"


def test_the_title_counts_the_runs_that_families_are_over(chromium: Chrome, tmp_path: Path) -> None:
    made = made_stability()
    made.summary["runs"].append({"name": "narrow", "in_families": False})
    file = tmp_path / "report.html"
    file.write_text(page(made), encoding="utf-8")
    opened = Page(chromium, file)
    assert opened.text("h1") == "What 3 runs have in common"
    assert "narrow stands in the pairs of runs" in opened.text("#counted")


def narrow_latents() -> pd.DataFrame:
    """Three latents of r0 in r1, one of each grade; the first by hand, the numbers made up."""
    return pd.DataFrame(
        {
            "narrow": "r0",
            "wide": "r1",
            "latent": [0, 1, 5],
            "grade": ["same", "split", "none"],
            "partner": [4, 3, -1],
            "partner_similarity": [0.9, 0.5, np.nan],
            "nearest_similarity": [0.9, 0.6, 0.2],
            "members": [[4], [3, 2], []],
            "coefficients": [[0.9], [0.5, 0.4], []],
            "explained_variance": [0.81, 0.45, 0.0],
            "null_explained_variance": [0.0, 0.1, 0.1],
        }
    )


@pytest.fixture
def of_widths(chromium: Chrome, tmp_path: Path) -> Page:
    made = made_ladder()
    assert made.widths is not None
    made = replace(made, widths=replace(made.widths, narrow=narrow_latents()))
    file = tmp_path / "report.html"
    file.write_text(page(made), encoding="utf-8")
    return Page(chromium, file)


@pytest.mark.parametrize(
    ("latent", "said"),
    [
        ("0", "r0 0, in r1: same; its partner one to one is 4 (cosine 0.900)."),
        (
            "1",
            "r0 1, in r1: split into 3 (weight 0.50) and 2 (weight 0.40), which explain 45.0 % of"
            " its direction, in null draws at most 10.0 %; its partner one to one is 3"
            " (cosine 0.500).",
        ),
        ("5", "r0 5, in r1: none; it has no partner one to one, the nearest reaches 0.200."),
        ("4", "r0 4, in r1: not judged; 3 latents of r0 that take part are."),
        ("", ""),
    ],
)
def test_a_narrow_latent_says_what_became_of_it(of_widths: Page, latent: str, said: str) -> None:
    of_widths.choose("narrow-latent", latent)
    assert of_widths.text("#wider") == said
    assert of_widths.errors() == []


def test_a_result_without_narrow_latents_asks_for_none(opened: Page) -> None:
    assert opened.run("return document.getElementById('narrow-latent')") is None


def with_specs(specs: Sequence[str | None]) -> Stability:
    """A result of runs that lie at these addresses, or that were made in memory."""
    made = made_stability()
    runs = [run | {"spec": spec} for run, spec in zip(made.summary["runs"], specs, strict=True)]
    return replace(made, summary=made.summary | {"runs": runs})


def test_a_family_says_how_to_see_two_of_its_members(chromium: Chrome, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(with_specs(["/runs/it's here", "/runs/b", None])), encoding="utf-8")
    opened = Page(chromium, file)
    opened.first_row().click()
    command = opened.text("#of-pairs code")
    asked = ["universality", "compare", "/runs/it's here", "/runs/b", "--out", "PAIR"]
    assert shlex.split(command) == asked
    assert "PAIR/report.html#a/" in opened.text("#of-pairs")


def test_a_run_that_no_one_can_open_is_in_no_command(chromium: Chrome, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(with_specs(["/runs/a", None, None])), encoding="utf-8")
    opened = Page(chromium, file)
    opened.first_row().click()
    assert opened.run("return document.getElementById('members') !== null")
    assert opened.run("return document.getElementById('of-pairs')") is None


def test_a_family_links_to_the_pages_of_its_pairs(chromium: Chrome, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    pages = [PairPage("r2", "r1", "../the%20pair/report.html"), PairPage("r1", "r9", "none.html")]
    file.write_text(page(made_stability(), pairs=pages), encoding="utf-8")
    opened = Page(chromium, file)
    opened.first_row().click()
    latents = dict(
        opened.run(
            "return [...document.querySelectorAll('#members tr')].map((row) => [...row.cells].map("
            "(cell) => cell.textContent).slice(1)).reduce((runs, latents) => runs.map((run, i) => "
            "[run, latents[i]]))"
        )
    )
    links = opened.run(
        "return [...document.querySelectorAll('#of-pairs a')].map((one) => one.getAttribute("
        "'href'))"
    )
    assert links == [f"../the%20pair/report.html#a/{latents['r2']}"]
    assert opened.text("#of-pairs a") == f"r2 {latents['r2']} and r1 {latents['r1']}"
