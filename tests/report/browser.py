"""A real headless Chromium for the tests of the report, and the result folders it opens."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000")


def open_chromium() -> webdriver.Chrome:
    """A browser that records its console and its requests; skips where none is installed.

    Under CI it does not skip.
    """
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        message = f"no {' and no '.join(missing)}: apt-get install chromium chromium-driver"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"] or ""
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(programs["chromedriver"]))


class Page:
    """One report, opened."""

    def __init__(self, chromium: webdriver.Chrome, file: Path, fragment: str = "") -> None:
        self.chromium = chromium
        for kind in ("browser", "performance"):
            chromium.get_log(kind)
        chromium.get("about:blank")
        chromium.get(file.resolve().as_uri() + fragment)
        self.wait("return document.documentElement.dataset.ready === 'yes'")

    def run(self, script: str, *arguments: Any) -> Any:
        return self.chromium.execute_script(script, *arguments)

    def wait(self, script: str) -> None:
        WebDriverWait(self.chromium, 30, 0.05).until(lambda _: self.run(script))

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.chromium.get_log("browser")]

    def requests(self) -> list[str]:
        """Everything that was asked for but the page itself and what it carries."""
        events = [
            json.loads(one["message"])["message"] for one in self.chromium.get_log("performance")
        ]
        urls = [
            str(event["params"]["request"]["url"])
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("data:", "about:", "file:"))]

    def choose(self, element: str, value: str) -> None:
        """Set a control as a person would, and let the page hear of it."""
        self.run(
            "const it = document.getElementById(arguments[0]); it.value = arguments[1];"
            "for (const kind of ['input', 'change']) it.dispatchEvent(new Event(kind))",
            element,
            value,
        )

    def column(self, n: int) -> list[str]:
        """Texts of the n-th column of the rows that are shown, from the top."""
        rows = self.run(
            "return [...document.querySelectorAll('#grid .slick-row')].map(row =>"
            " [row.getBoundingClientRect().top, row.children[arguments[0]].textContent])",
            n,
        )
        return [text for _, text in sorted(rows)]

    def theme(self, name: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": name}
        self.chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def screenshot(self) -> bytes:
        return base64.b64decode(self.chromium.get_screenshot_as_base64())
