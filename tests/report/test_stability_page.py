"""The report of many runs, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from tests.made_results import HOSTILE, made_stability
from tests.report.browser import Page, open_chromium
from universality.report import page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    browser = open_chromium()
    yield browser
    browser.quit()


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
    chromium.find_element(By.CSS_SELECTOR, "#grid .slick-row .slick-cell").click()
    ActionChains(chromium).send_keys(Keys.ARROW_DOWN).perform()
    assert "Family 1, by decoder" in opened.text("#pair")
    members = opened.run(
        "return [...document.querySelectorAll('#pair table:first-of-type td')]"
        ".map(cell => cell.textContent)"
    )
    assert members == [HOSTILE[0], "1", "r1", "1", "r2", "1"]
    assert opened.run("return document.querySelectorAll('img').length") == 0


def test_search_keeps_the_families_of_a_run(opened: Page) -> None:
    opened.choose("search", "r2")
    assert opened.text("#found") == "2 of 3 families"
