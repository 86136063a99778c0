"""The report of a comparison, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from tests.made_results import HOSTILE, made_comparison
from tests.report.browser import Page, open_chromium
from universality.report import page
from universality.results import Comparison

THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    browser = open_chromium()
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return made_comparison()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, comparison: Comparison) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(comparison), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium: Chrome, file: Path) -> Page:
    return Page(chromium, file)


def at(comparison: Comparison, threshold: float, view: str = "decoder_and_encoder") -> int:
    curves = comparison.curves
    row = curves[
        (curves["view"] == view)
        & (curves["rule"] == "assignment")
        & np.isclose(curves["threshold"], threshold)
    ]
    return int(row["count"].item())


def test_it_opens_without_an_error_and_asks_for_nothing(opened: Page) -> None:
    assert opened.errors() == []
    assert opened.requests() == []


@pytest.mark.parametrize("offset", [-150, 60])
def test_dragging_the_threshold_gives_the_counts_of_the_table(
    opened: Page, comparison: Comparison, offset: int
) -> None:
    handle = opened.chromium.find_element(By.CSS_SELECTOR, "#handle circle")
    opened.run("arguments[0].scrollIntoView({block: 'center'})", handle)
    ActionChains(opened.chromium).drag_and_drop_by_offset(handle, offset, 0).perform()
    threshold = float(opened.text("#at"))
    assert abs(threshold - 0.7) > 0.05
    assert int(opened.text("#count")) == at(comparison, threshold)
    decoder = comparison.latents_a["partner_similarity_decoder"]
    kept = opened.run("return +document.querySelector('#fates-a .kept').dataset.count")
    split = opened.run("return +document.querySelector('#fates-a .split').dataset.count")
    assert kept + split == (decoder >= threshold - 1e-9).sum()


def test_the_range_and_the_view_move_the_counts_too(opened: Page, comparison: Comparison) -> None:
    opened.choose("threshold", "0.31")
    opened.choose("view", "activations")
    assert int(opened.text("#count")) == at(comparison, 0.31, "activations")
    assert opened.errors() == []


def test_search_finds_numbers_and_words_of_texts(opened: Page) -> None:
    opened.choose("search", "token17")
    assert opened.column(0) == ["17"]
    opened.choose("search", "7")
    assert opened.column(0) == ["7"]
    opened.choose("search", "no such words")
    assert opened.column(0) == []
    opened.choose("search", "")
    assert opened.text("#found") == "40 of 40 latents"


def test_sorting_and_filtering(opened: Page, comparison: Comparison) -> None:
    header = opened.chromium.find_element(By.CSS_SELECTOR, ".slick-header-column[data-id=latent]")
    for expected in (["0", "1", "2"], ["39", "38", "37"]):
        header.click()
        assert opened.column(0)[:3] == expected
    opened.choose("fate", "dead")
    assert opened.column(0) == ["39"]
    opened.choose("fate", "shared")
    assert opened.text("#found") == f"{at(comparison, 0.7)} of 40 latents"
    assert set(opened.column(1)) == {"kept"}


def test_a_click_opens_the_pair_and_its_address_leads_back(
    opened: Page, file: Path, chromium: Chrome
) -> None:
    opened.choose("search", "12")
    chromium.find_element(By.CSS_SELECTOR, "#grid .slick-row .slick-cell").click()
    assert opened.text("#pair-title") == "a 12 and b 27"
    assert "token12" in opened.text("#pair")
    link = chromium.find_element(By.CSS_SELECTOR, "#pair .facts a")
    assert link.get_attribute("href") == "https://neuronpedia.org/made/0-res/12"
    assert opened.run("return location.hash") == "#a/12"
    again = Page(chromium, file, "#b/27")
    assert again.text("#pair-title") == "b 27 and a 12"


def test_arrow_keys_walk_through_the_pairs(opened: Page, chromium: Chrome) -> None:
    chromium.find_element(By.CSS_SELECTOR, "#grid .slick-row .slick-cell").click()
    ActionChains(chromium).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN).perform()
    assert opened.text("#pair-title") == "a 2 and b 37"


def test_a_box_on_the_scatter_filters_the_table(opened: Page, chromium: Chrome) -> None:
    plot = chromium.find_element(By.CSS_SELECTOR, "#scatter .overlay")
    opened.run("arguments[0].scrollIntoView({block: 'center'})", plot)
    half = int(plot.size["width"]) // 2
    corner = ActionChains(chromium).move_to_element(plot).click_and_hold()
    corner.move_by_offset(half - 5, -int(plot.size["height"]) // 2 + 5).release().perform()
    shown = [int(latent) for latent in opened.column(0)]
    assert 0 < len(shown) < 25
    assert max(shown) < 25


def test_hostile_texts_show_and_run_nothing(chromium: Chrome, file: Path) -> None:
    for latent, hostile in enumerate(HOSTILE):
        opened = Page(chromium, file, f"#a/{latent}")
        assert hostile[:400] in opened.text("#pair")
        assert opened.run("return document.title") == f"{HOSTILE[0]} against made b"
        assert opened.run("return document.querySelectorAll('img').length") == 0
        assert opened.errors() == []


def test_both_themes_have_their_own_paper(chromium: Chrome, file: Path) -> None:
    papers = {}
    for name in THEMES:
        opened = Page(chromium, file)
        opened.theme(name)
        image = Image.open(BytesIO(opened.screenshot())).convert("L")
        papers[name] = np.asarray(image)[5:40, 5:40].mean()
    assert papers["light"] > 240
    assert papers["dark"] < 40


def test_widths_of_32768_fit_25_megabytes_and_open(chromium: Chrome, tmp_path: Path) -> None:
    path = tmp_path / "wide.html"
    path.write_text(page(made_comparison(32_768)), encoding="utf-8")
    assert path.stat().st_size < 25e6
    opened = Page(chromium, path)
    opened.choose("search", "token1999")
    assert opened.column(0) == ["1999"]
    assert opened.errors() == []
