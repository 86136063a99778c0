"""The page of one latent in a real browser: every panel, and tokens that would be markup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.made_investigation import made_investigation, made_investigation_of_neurons
from tests.report.browser import Page
from universality.report.investigation_page import investigation_html
from universality.results.investigated import Investigation

HOSTILE = "</span><script>document.title='broken'</script><img src=x onerror=alert(1)>\u202e"


def _opened(result: Investigation, chromium: Chrome, folder: Path) -> Page:
    file = folder / "report.html"
    file.write_text(investigation_html(result), encoding="utf-8")
    return Page(chromium, file)


@pytest.fixture(scope="module")
def opened(chromium: Chrome, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return _opened(made_investigation(), chromium, tmp_path_factory.mktemp("page"))


def test_it_has_a_panel_for_each_question_and_each_latent(opened: Page) -> None:
    sections = opened.run("return [...document.querySelectorAll('section')].map(s => s.id)")
    assert sections == ["specific", "sensitive", "used", "neuron", "universal"]
    panels = "return document.querySelectorAll('#specific .panel').length"
    assert opened.run(panels) == 2
    assert "fires on" in opened.text(".answer")
    assert "could be rotated" in opened.text("#neuron")
    assert opened.run("return document.querySelectorAll('#universal circle').length") > 10
    assert opened.run("return document.querySelectorAll('#used .helps').length") > 0


def test_it_asks_for_nothing_and_complains_of_nothing(opened: Page) -> None:
    assert opened.errors() == []
    assert opened.requests() == []


def test_nothing_is_wider_than_the_window(opened: Page) -> None:
    assert opened.run("return document.documentElement.scrollWidth <= innerWidth")


def test_hostile_tokens_are_text(chromium: Chrome, tmp_path: Path) -> None:
    found = made_investigation()
    contexts = found.contexts.copy()
    contexts["tokens"] = [[HOSTILE, *list(tokens)[1:]] for tokens in contexts["tokens"]]
    contexts["document"] = HOSTILE
    logits = found.logits.assign(string=HOSTILE)
    effects = found.effects.assign(string=HOSTILE, document=HOSTILE)
    shown = _opened(
        replace(found, contexts=contexts, logits=logits, effects=effects), chromium, tmp_path
    )
    assert shown.errors() == []
    assert "under the microscope" in shown.run("return document.title")
    assert shown.run("return document.querySelectorAll('main script, main img').length") == 0
    assert "<script>" in shown.text("#specific .context")
    assert "\\u202e" in shown.text("#specific .context")


def test_neurons_stand_beside_the_latent(chromium: Chrome, tmp_path: Path) -> None:
    shown = _opened(made_investigation_of_neurons(), chromium, tmp_path)
    headings = "return [...document.querySelectorAll('#specific h3')].map(h => h.textContent)"
    assert shown.run(headings) == ["neurons-run 0", "neurons 0"]
    assert "best neuron" in shown.text("#neuron")
