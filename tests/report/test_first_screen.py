"""Is this latent real? Answered on the first screen, by address and by keyboard, for everybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver import ActionChains, Chrome, Keys

from tests.made_results import made_comparison, made_ladder, made_stability
from tests.report.browser import Page
from universality.report import page
from universality.results import Comparison
from universality.results.shown_contexts import strongest_contexts
from universality.results.verdicts import verdict

SIZES = {"laptop": (1440, 900), "tablet": (1024, 768), "phone": (390, 844)}


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """With views that disagree on a 3, a latent below every null, and one too rare."""
    made = made_comparison()
    made.summary["checks"] = []
    made.latents_a.loc[3, ["partner_encoder", "nearest_encoder"]] = [9, 8]
    made.latents_a.loc[3, ["nearest_similarity_encoder", "q_value_encoder"]] = [0.9703, 2.3e-27]
    made.latents_a.loc[3, ["grade_encoder", "grade", "grade_decoder_and_encoder"]] = "similar"
    made.latents_a.loc[3, "partner_similarity_encoder"] = 0.5
    made.latents_a["p_reappears"] = made.latents_a["partner_similarity_decoder"]
    return made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, comparison: Comparison) -> Path:
    path = tmp_path_factory.mktemp("first") / "report.html"
    path.write_text(page(comparison), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "report.html"
    path.write_text(page(made_stability()), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _window_as_before(chromium: Chrome) -> None:
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_verdict_is_read_without_a_scroll_or_a_click(
    chromium: Chrome, file: Path, size: str, theme: str
) -> None:
    Page(chromium, file).window(*SIZES[size])
    opened = Page(chromium, file, "#a/17")
    opened.theme(theme)
    assert opened.in_sight("#pair-title")
    assert opened.in_sight("#verdict .headline")
    assert opened.in_sight("#verdict table")
    assert opened.run("return document.documentElement.scrollWidth <= innerWidth")
    assert opened.errors() == []


def test_table_and_panel_stand_side_by_side_from_1100_pixels(chromium: Chrome, file: Path) -> None:
    lefts = "return ['#grid', '#pair'].map(one => document.querySelector(one).offsetLeft)"
    for width, beside in ((1100, True), (1099, False)):
        Page(chromium, file).window(width, 900)
        opened = Page(chromium, file)
        grid, panel = opened.run(lefts)
        assert (panel > grid + 300) == beside
    opened.window(*SIZES["laptop"])
    for shown in (".answer", "#curve svg", "#latent", "#grid", "#pair"):
        assert opened.in_sight(shown), shown


def test_failed_checks_stand_on_the_first_screen_and_before_the_verdict(
    chromium: Chrome, tmp_path: Path
) -> None:
    made = made_comparison()
    made.summary["checks"] = [
        {"id": f"check_{n}", "status": "fail", "value": None, "message": f"reason {n}"}
        for n in (1, 2)
    ]
    path = tmp_path / "report.html"
    path.write_text(page(made), encoding="utf-8")
    Page(chromium, path).window(*SIZES["laptop"])
    opened = Page(chromium, path, "#a/1")
    for shown in (".answer.void .fail", ".failed", "#verdict table", "#curve svg"):
        assert opened.in_sight(shown), shown
    assert opened.text(".answer .fail") == "Reason 1."
    assert "reason 2" in opened.text(".failed")
    said = opened.run("return document.getElementById('verdict').firstChild.textContent")
    assert said == verdict(made, "a:1").sentences[0]


@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize("threshold", [0.7, 0.35])
def test_the_page_says_what_the_verdict_says(
    chromium: Chrome, file: Path, comparison: Comparison, side: str, threshold: float
) -> None:
    """Word for word and number for number, of every latent, at the threshold of the page."""
    opened = Page(chromium, file)
    said = opened.run(
        "return Array.from(report[arguments[0]].latent, (i) => verdictOf(arguments[0], i,"
        " arguments[1])).map(({sentences, shown, grade}) => [grade, sentences, shown])",
        side,
        threshold,
    )
    for latent, (grade, sentences, shown) in enumerate(said):
        at = None if threshold == 0.7 else threshold
        expected = verdict(comparison, f"{side}:{latent}", threshold=at)
        assert grade == expected.grade
        assert sentences == list(expected.sentences)
        assert [expected.shown[0], *map(tuple, shown)] == list(expected.shown)


def test_texts_of_a_pair_are_merged_as_everywhere(
    chromium: Chrome, file: Path, comparison: Comparison
) -> None:
    opened = Page(chromium, file)
    assert comparison.evidence is not None
    for i in (0, 7):
        own = comparison.evidence[comparison.evidence["a"] == i]
        rows = opened.run(f"return strongestOf({i}, {39 - i}).map((row) => contexts.row[row])")
        assert rows == strongest_contexts(own)["row"].tolist()


def test_a_text_opens_further_and_weaker_firings_are_by_interval_and_quartile(
    chromium: Chrome, tmp_path: Path
) -> None:
    made = made_comparison()
    assert made.evidence is not None
    own = made.evidence[(made.evidence["a"] == 7) & (made.evidence["kind"] == "a")]
    words = [f" word{n}" for n in range(31)]
    words[10] = "tail"  # of a word that the window would cut
    weak = {
        "tokens": [words],
        "centre": 20,
        "codes_a": [np.arange(31.0)],
        "codes_b": [np.zeros(31)],
    }
    rows = [
        own.assign(kind=kind, rank=2, share=0.125, row=100 + n, **weak)
        for n, kind in enumerate(("a", "interval_a", "quantile_a"))
    ]
    made = replace(made, evidence=pd.concat([made.evidence.assign(share=np.nan), *rows]))
    path = tmp_path / "report.html"
    path.write_text(page(made), encoding="utf-8")
    opened = Page(chromium, path, "#a/7")
    shown = "return [...document.querySelectorAll('#pair .context')].map(one => one.innerText)"
    long = next(text for text in opened.run(shown) if "word20" in text)
    assert long.strip().startswith("word11")
    assert "word25" in long
    assert "word26" not in long
    opened.run("document.querySelector('#pair .expand').click()")
    assert any("word4" in text and "word28" in text for text in opened.run(shown))
    weaker = opened.run("return document.getElementById('weaker-a').textContent")
    assert "25 to 50 % of its largest code, 12.5 % of its firings:" in weaker
    assert "At the middle of its firings, by strength:" in weaker


def test_an_address_carries_all_that_is_looked_at(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file)
    opened.choose("view", "encoder")
    opened.choose("threshold", "0.35")
    opened.choose("grade", "same")
    opened.choose("search", "token")
    opened.found("button", "frequency").click()
    opened.choose("similarity-from", "0.5")
    opened.first_row().click()
    address, rows = opened.run("return location.hash"), opened.column("latent")
    again = Page(chromium, file, address)
    assert again.run("return location.hash") == address
    assert again.column("latent") == rows
    assert again.text("#at") == "0.35"
    assert again.found("columnheader", "frequency").get_attribute("aria-sort") == "descending"
    assert again.text("#pair-title") == opened.text("#pair-title")


def test_a_latent_that_is_filtered_away_is_shown_all_the_same(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file, "#a/38?grade=same&search=token1")
    assert opened.text("#pair-title") == "a 38 and b 1"
    assert "38" in opened.column("latent")


@pytest.mark.parametrize("place", ["#a/40", "#c/1", "#a/x", "#family/3"])
def test_an_unknown_latent_is_named(chromium: Chrome, file: Path, place: str) -> None:
    opened = Page(chromium, file, place)
    said = opened.text("#pair [role=alert]")
    assert said.startswith(f"No latent {place[1:].replace('/', ' ')}: a has 40, b has 40")
    assert opened.errors() == []


def test_a_changed_address_goes_there(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file, "#a/7")
    opened.run("location.hash = '#b/3'")
    opened.wait("return document.getElementById('pair-title').textContent === 'b 3 and a 36'")
    assert opened.run("return document.getElementById('side').value") == "b"
    opened.run("history.back()")
    opened.wait("return document.getElementById('pair-title').textContent === 'a 7 and b 32'")


def test_the_box_at_the_top_goes_to_a_latent(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file)
    box = opened.found("textbox", "Latent")
    box.send_keys("b 12", Keys.ENTER)
    opened.wait("return document.getElementById('pair-title')?.textContent === 'b 12 and a 27'")
    box.clear()
    box.send_keys("nonsense", Keys.ENTER)
    assert "Write a number" in opened.text("#pair [role=alert]")


def test_the_keyboard_alone_leads_to_the_partners_texts(chromium: Chrome, file: Path) -> None:
    """From the box: to the table, down a row, into the panel, to the partner, and back."""
    opened = Page(chromium, file)
    opened.run("document.getElementById('latent').focus()")
    for _ in range(40):
        ActionChains(chromium).send_keys(Keys.TAB).perform()
        if opened.focused() == ("grid", "latents"):
            break
    assert opened.focused() == ("grid", "latents")
    ActionChains(chromium).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN).perform()
    assert opened.text("#pair-title") == "a 1 and b 38"
    ActionChains(chromium).send_keys(Keys.END, Keys.HOME, Keys.PAGE_DOWN, Keys.HOME).perform()
    assert opened.text("#pair-title") == "a 0 and b 39"
    ActionChains(chromium).send_keys(Keys.ENTER).perform()
    assert opened.focused() == ("heading", "a 0 and b 39")
    for _ in range(8):
        ActionChains(chromium).send_keys(Keys.TAB).perform()
        if opened.focused() == ("link", "b 39"):
            break
    ActionChains(chromium).send_keys(Keys.ENTER).perform()
    opened.wait("return document.getElementById('pair-title').textContent === 'b 39 and a 0'")
    assert "Fires most on" in opened.text("#pair .texts")
    opened.run("document.getElementById('pair-title').focus()")
    ActionChains(chromium).send_keys(Keys.ESCAPE).perform()
    assert opened.focused() == ("grid", "latents")


@pytest.mark.parametrize("which", ["comparison", "study"])
def test_tab_leaves_the_table_either_way(
    chromium: Chrome, file: Path, study: Path, which: str
) -> None:
    opened = Page(chromium, file if which == "comparison" else study)
    for key in (Keys.TAB, Keys.SHIFT + Keys.TAB):
        opened.run("document.getElementById('grid').focus()")
        pressed = 0
        while opened.run("return document.getElementById('grid').contains(document.activeElement)"):
            ActionChains(chromium).send_keys(key).perform()
            pressed += 1
            assert pressed <= 12
        assert pressed <= 12


def test_the_chosen_row_stays_marked_and_in_sight_when_sorted(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file, "#a/7")
    opened.found("button", "frequency").click()
    row = "[role=grid] [role=row][aria-selected=true]"
    assert opened.run(f"return document.querySelectorAll('{row}').length") == 1
    assert opened.text(f"{row} [role=gridcell]") == "7"
    inside = opened.run(
        f"const grid = document.getElementById('grid').getBoundingClientRect();"
        f"const row = document.querySelector('{row}').getBoundingClientRect();"
        "return row.top >= grid.top && row.bottom <= grid.bottom"
    )
    assert inside


def test_a_phone_has_cards_in_which_every_value_is_named(chromium: Chrome, file: Path) -> None:
    Page(chromium, file).window(*SIZES["phone"])
    opened = Page(chromium, file)
    assert opened.run("return getComputedStyle(document.querySelector('.grid-head')).display") == (
        "none"
    )
    labels = opened.run(
        "const row = document.querySelector('[role=grid] [role=row][aria-selected]');"
        "return [...row.children].filter(one => one.offsetHeight).map(one =>"
        " [one.dataset.label, getComputedStyle(one, '::before').content,"
        " one.className === 'words' || one.scrollWidth <= one.clientWidth])"
    )
    assert {"latent", "grade", "partner", "similarity"} <= {label for label, _, _ in labels}
    for label, shown, fits in labels:
        assert label in shown
        assert fits, label
    opened.choose("sort", "latent")
    assert opened.column("latent")[0] == "0"
    opened.first_row().click()
    assert opened.in_sight("#verdict .headline")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("which", ["comparison", "study"])
@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_axe_finds_nothing_serious(
    chromium: Chrome, file: Path, study: Path, theme: str, which: str, size: str
) -> None:
    place = (file, "#a/17") if which == "comparison" else (study, "#family/1")
    Page(chromium, place[0]).window(*SIZES[size])
    opened = Page(chromium, *place)
    opened.theme(theme)
    assert opened.axe() == []


def test_families_have_addresses_and_are_found_by_member_and_text(
    chromium: Chrome, study: Path
) -> None:
    opened = Page(chromium, study, "#family/decoder/1")
    assert opened.text("#pair-title") == "Family 1, by decoder"
    assert Page(chromium, study, "#family/2").text("#pair-title") == "Family 2, by decoder"
    assert "No family 9: there are 3 families by decoder" in Page(
        chromium, study, "#family/9"
    ).text("#pair [role=alert]")
    opened = Page(chromium, study)
    for wanted, families in (("r1:2", ["2"]), ("before", ["1"]), ("r2", ["0", "1"]), ("1", ["1"])):
        opened.choose("search", wanted)
        assert opened.column("family") == families
    opened.choose("search", "before")
    opened.first_row().click()
    assert opened.run("return location.hash") == "#family/decoder/1?search=before"


def test_stars_are_kept_and_shown_apart(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file, "#a/7")
    opened.run("localStorage.clear()")
    opened = Page(chromium, file, "#a/7")
    opened.found("button", "star a 7").click()
    assert opened.found("button", "star a 7").get_attribute("aria-pressed") == "true"
    again = Page(chromium, file)
    again.choose("grade", "starred")
    assert again.column("latent") == ["7 ★"]
    again.run("localStorage.clear()")


def test_shown_rows_are_taken_away_as_csv(chromium: Chrome, file: Path) -> None:
    opened = Page(chromium, file)
    opened.choose("view", "decoder")
    opened.choose("search", "b 32")
    saved = opened.run(
        "let kept; const make = URL.createObjectURL;"
        "URL.createObjectURL = (blob) => { kept = blob; return make.call(URL, blob); };"
        "window.saved = null; control('take').click();"
        "kept.text().then((text) => { window.saved = text; }); return true"
    )
    assert saved
    opened.wait("return window.saved !== null")
    heads, *rows = opened.run("return window.saved").splitlines()
    assert heads.startswith("side,latent,view,threshold,starred,grade,partner,similarity")
    assert [row.split(",")[1] for row in rows] == opened.column("latent")
    assert all(row.startswith("a,7,decoder,0.7,false,same,32,0.81") for row in rows)


def test_a_token_is_found_with_those_that_fire_most_on_it_first(
    chromium: Chrome, tmp_path: Path
) -> None:
    made = made_comparison()
    assert made.evidence is not None
    for latent, code in ((5, 0.4), (9, 2.0)):
        rows = made.evidence.index[(made.evidence["a"] == latent) & (made.evidence["kind"] == "a")]
        made.evidence.at[rows[0], "tokens"] = ["some", " rare word", f" token{latent}", " after"]
        made.evidence.at[rows[0], "codes_a"] = made.evidence.at[rows[0], "codes_a"] * 0 + code
    path = tmp_path / "report.html"
    path.write_text(page(made), encoding="utf-8")
    opened = Page(chromium, path)
    opened.choose("search", "rare word")
    assert opened.column("latent") == ["9", "5"]


def test_a_ladder_opens_too(chromium: Chrome, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(made_ladder()), encoding="utf-8")
    opened = Page(chromium, path)
    assert opened.errors() == []
    assert opened.axe() == []


def test_explanations_are_shown_and_found(
    chromium: Chrome, comparison: Comparison, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    said = {"a": {7: "Adverbs of frequency"}, "b": {}}
    path.write_text(page(comparison, explanations=said), encoding="utf-8")
    opened = Page(chromium, path, "#a/7")
    assert opened.text("#pair .explanation") == "“Adverbs of frequency”"
    opened.choose("search", "adverbs")
    assert opened.column("latent") == ["7"]
    assert opened.column("explanation") == ["Adverbs of frequency"]
    assert opened.errors() == []
