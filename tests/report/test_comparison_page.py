"""The report of a comparison, in a real browser."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from tests.made_results import HOSTILE, made_comparison
from tests.report.browser import Page
from universality.report import page
from universality.results import Comparison
from universality.results.verdicts import verdict

THEMES = ("light", "dark")


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
    same = opened.run("return +document.querySelector('#grades-a .same').dataset.count")
    assert same == (decoder >= threshold - 1e-9).sum()


@pytest.mark.parametrize("view", ["decoder", "encoder", "activations", "decoder_and_encoder"])
@pytest.mark.parametrize("side", ["a", "b"])
def test_grades_given_anew_are_those_of_the_table(
    opened: Page, comparison: Comparison, side: str, view: str
) -> None:
    """Counts of the bar at the comparison's threshold are the summary's, and so is each latent."""
    latents = comparison.latents_a if side == "a" else comparison.latents_b
    anew = opened.run(
        f"return Array.from(gradedAt('{side}', '{view}', report.threshold), (i) => GRADES[i])"
    )
    assert anew == latents[f"grade_{view}"].tolist()
    opened.choose("threshold", "0.7")
    opened.choose("view", view)
    counts = comparison.summary["grades"][side][view]
    for word, n in counts.items():
        bar = f"#grades-{side} .{word}"
        assert opened.run(f"return +document.querySelector('{bar}').dataset.count") == n


def test_the_range_and_the_view_move_the_counts_too(opened: Page, comparison: Comparison) -> None:
    opened.choose("threshold", "0.31")
    opened.choose("view", "activations")
    assert int(opened.text("#count")) == at(comparison, 0.31, "activations")
    assert opened.errors() == []


def test_search_finds_numbers_and_words_of_texts(opened: Page) -> None:
    opened.choose("search", "token17")
    assert opened.column("latent") == ["17"]
    opened.choose("search", "7")
    assert opened.column("latent") == ["7"]
    opened.choose("search", "no such words")
    assert opened.column("latent") == []
    opened.choose("search", "")
    assert opened.text("#found") == "40 of 40 latents"


def test_sorting_and_filtering(opened: Page, comparison: Comparison) -> None:
    for expected, way in ((["0", "1", "2"], "ascending"), (["39", "38", "37"], "descending")):
        opened.found("button", "latent").click()
        assert opened.column("latent")[:3] == expected
        assert opened.found("columnheader", "latent").get_attribute("aria-sort") == way
    opened.choose("grade", "dead")
    assert opened.column("latent") == ["39"]
    opened.choose("grade", "same")
    assert opened.text("#found") == f"{at(comparison, 0.7)} of 40 latents"
    assert set(opened.column("grade")) == {"same"}


def test_ranges_keep_the_latents_of_the_table(opened: Page, comparison: Comparison) -> None:
    latents = comparison.latents_a
    opened.choose("view", "decoder")
    for name, column, low, high in (
        ("similarity", "partner_similarity_decoder", "0.4", "0.6"),
        ("nearestSimilarity", "nearest_similarity_decoder", "0.8", ""),
        ("frequency", "frequency", "1e-4", "1e-2"),
        ("q", "q_value_decoder", "", "0.25"),
    ):
        for end, bound in (("from", low), ("to", high)):
            if bound:
                opened.choose(f"{name}-{end}", bound)
        kept = latents[latents[column].between(float(low or -9), float(high or 9))]
        assert opened.text("#found") == f"{len(kept)} of 40 latents"
        assert 0 < len(kept) < 39
        opened.run("document.getElementById('clear').click()")
        assert opened.text("#found") == "40 of 40 latents"
        assert opened.run(f"return document.getElementById('{name}-to').value") == ""


def test_what_only_activations_say_stands_on_the_page(opened: Page) -> None:
    held_out = opened.run("return document.querySelector('#held-out').innerText")
    assert "1,162" in held_out
    assert "0.2500 to 0.5000" in held_out
    assert "0.9 to 1.0" in opened.text("#cross-view")
    assert "1,162" in opened.text("#unmatched-span")
    assert "0.875" in opened.text("#unmatched-span")
    assert "null (made; activations: shuffled)" in opened.text("#curve")
    opened.choose("view", "activations")
    assert opened.text("#null") == "shuffled"


def test_counts_above_the_bars_are_plain_numbers(chromium: Chrome, tmp_path: Path) -> None:
    made = made_comparison(3_000)
    made.latents_a["frequency"] = 0.02
    path = tmp_path / "plain.html"
    path.write_text(page(made), encoding="utf-8")
    opened = Page(chromium, path)
    assert opened.text("#frequency .count") == "2,999"
    assert "e+" not in opened.text("#histogram")


def test_the_panel_shows_both_latents_and_what_they_do_together(
    chromium: Chrome, file: Path, comparison: Comparison
) -> None:
    opened = Page(chromium, file, "#a/7")
    for side, latent in (("a", 7), ("b", 32)):
        own = f"#pair section[aria-label='{side} {latent}']"
        assert f"{side} {latent}, 0.00 to 0.100: {10 + latent}" in opened.text("#pair .histogram")
        tops = opened.run(
            "return [...document.querySelectorAll(arguments[0])].map(one => one.textContent)",
            f"{own} .token",
        )
        assert tops[0] == f"top{latent} 1.00"
        assert len(tops) == 20
    assert "5 of the 12 tokens" in opened.text("#pair .cloud")
    assert "over all of it 0.250" in opened.text("#pair .cloud:nth-of-type(2)")
    assert "Only a fires (3 tokens)" in opened.text("#pair .texts")
    points = opened.run("return document.querySelectorAll('#pair .cloud circle').length")
    assert points == 10
    shades = opened.run(
        "return [...document.querySelector('#pair .context').children].map(one => ["
        "one.className, one.style.getPropertyValue('--heat-a'),"
        " one.style.getPropertyValue('--heat-b'), one.title])"
    )[:4]
    assert [one[0] for one in shades] == ["", "hot", "hot centre", "unknown"]
    assert [float(one[1]) for one in shades] == pytest.approx([0, 0.25, 1, 0], abs=0.01)
    assert [float(one[2]) for one in shades] == pytest.approx([0, 0, 1, 0], abs=0.01)
    assert shades[2][3] == "a 2 · b 1"
    assert shades[3][3] == "a not kept · b not kept"


def test_runners_up_are_named_and_lead_to_their_own_pair(opened: Page, file: Path) -> None:
    opened = Page(opened.chromium, file, "#a/7")
    rows = verdict(made_comparison(), "a:7").shown
    assert opened.table("#verdict") == [list(row) for row in rows]
    assert rows[1][6].startswith("b 33 at ")
    similarity = float(rows[1][3])
    assert float(rows[1][6].split()[-1]) == pytest.approx(similarity / 2, abs=1e-4)
    opened.run("document.querySelector('#pair .choices button:nth-child(2)').click()")
    assert opened.text("#pair-title") == "a 7 and b 33"
    assert opened.run("return location.hash") == "#a/7/33"
    again = Page(opened.chromium, file, "#a/7/33")
    assert again.text("#pair-title") == "a 7 and b 33"
    assert again.errors() == []


def test_it_prints_on_light_paper_without_its_controls(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file, "#a/7")
    opened.theme("dark")
    try:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
        assert opened.run(shown, "#grid") == "none"
        assert opened.run(shown, ".list-controls") == "none"
        assert "Same: a 7 is also in b" in opened.text("#pair")
        assert opened.run(shown, "#pair") == "block"
        assert opened.run("return getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_click_opens_the_pair_and_its_address_leads_back(
    opened: Page, file: Path, chromium: Chrome
) -> None:
    opened.choose("search", "12")
    opened.first_row().click()
    assert opened.text("#pair-title") == "a 12 and b 27"
    assert "token12" in opened.text("#pair")
    link = chromium.find_element(By.CSS_SELECTOR, "#pair .facts a")
    assert link.get_attribute("href") == "https://neuronpedia.org/made/0-res/12"
    assert opened.run("return location.hash") == "#a/12?search=12"
    again = Page(chromium, file, "#b/27")
    assert again.text("#pair-title") == "b 27 and a 12"


def test_arrow_keys_walk_through_the_pairs(opened: Page, chromium: Chrome) -> None:
    opened.first_row().click()
    ActionChains(chromium).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN).perform()
    assert opened.text("#pair-title") == "a 2 and b 37"


def test_a_box_on_the_scatter_filters_the_table(opened: Page, chromium: Chrome) -> None:
    plot = chromium.find_element(By.CSS_SELECTOR, "#scatter .overlay")
    opened.run("arguments[0].scrollIntoView({block: 'center'})", plot)
    half = int(plot.size["width"]) // 2
    corner = ActionChains(chromium).move_to_element(plot).click_and_hold()
    corner.move_by_offset(half - 5, -int(plot.size["height"]) // 2 + 5).release().perform()
    shown = [int(latent) for latent in opened.column("latent")]
    assert 0 < len(shown) < 25
    assert max(shown) < 25


def test_hostile_texts_show_and_run_nothing(chromium: Chrome, file: Path) -> None:
    for latent, hostile in enumerate(HOSTILE):
        opened = Page(chromium, file, f"#a/{latent}")
        assert hostile[:400] in opened.text("#pair")
        assert opened.run("return document.title") == f"{HOSTILE[0]} against made b"
        assert opened.run("return document.querySelectorAll('img').length") == 0
        assert opened.errors() == []


@pytest.mark.parametrize("view", ["decoder", "activations"])
def test_one_view_without_evidence_has_its_page_too(
    chromium: Chrome, comparison: Comparison, tmp_path: Path, view: str
) -> None:
    summary = comparison.summary | {"views": {view: comparison.summary["views"][view]}}
    del summary["held_out"], summary["cross_view"]
    alone = Comparison(
        summary=summary,
        latents_a=comparison.latents_a.drop(columns=["frequency", "decoder_norm"]),
        latents_b=comparison.latents_b.drop(columns=["frequency", "decoder_norm"]),
        pairs=comparison.pairs[comparison.pairs["view"] == view],
        curves=comparison.curves[comparison.curves["view"] == view],
    )
    path = tmp_path / "alone.html"
    path.write_text(page(alone), encoding="utf-8")
    opened = Page(chromium, path, "#a/7")
    assert opened.text("#pair-title") == "a 7 and b 32"
    assert "without activations" in opened.text("#pair")
    assert opened.run("return document.getElementById('scatter').hidden")
    assert opened.run("return document.getElementById('frequency').hidden")
    assert opened.errors() == []


def test_both_themes_have_their_own_paper(chromium: Chrome, file: Path) -> None:
    papers = {}
    for name in THEMES:
        opened = Page(chromium, file)
        opened.theme(name)
        image = Image.open(BytesIO(opened.screenshot())).convert("L")
        papers[name] = np.asarray(image)[100:400, 2:8].mean()
    assert papers["light"] > 240
    assert papers["dark"] < 40


def test_widths_of_32768_fit_25_megabytes_and_open(chromium: Chrome, tmp_path: Path) -> None:
    path = tmp_path / "wide.html"
    path.write_text(page(made_comparison(32_768)), encoding="utf-8")
    assert path.stat().st_size < 25e6
    opened = Page(chromium, path)
    opened.choose("search", "token1999")
    assert opened.column("latent") == ["1999"]
    assert opened.errors() == []
