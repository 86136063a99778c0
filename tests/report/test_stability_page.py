"""The report of many runs, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys

from tests.made_results import HOSTILE, made_ladder, made_stability
from tests.report.browser import Page
from universality.report import page


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
