"""A real headless Chromium for the tests of the report, and the result folders it opens."""

from __future__ import annotations

import base64
import importlib.resources
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

_AXE = Path(str(importlib.resources.files("axe_core_python") / "axe.min.js"))
"""axe-core, as a pinned package carries it."""

_OF_ROLE = {
    "button": "button",
    "columnheader": "[role=columnheader]",
    "combobox": "select",
    "grid": "[role=grid]",
    "link": "a[href]",
    "searchbox": "input[type=search]",
    "slider": "input[type=range]",
    "textbox": "input[type=text]",
}

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

    def column(self, head: str) -> list[str]:
        """Texts under a head of the grid, of the rows that are in the document, from the top."""
        cells = self.run(
            "return [...document.querySelectorAll('[role=grid] [role=row][aria-selected]')]"
            ".map(row => [Number(row.dataset.place), row.querySelector("
            '`[role=gridcell][data-label="${arguments[0]}"]`).textContent])',
            head,
        )
        return [text for _, text in sorted(cells)]

    def found(self, role: str, name: str) -> WebElement:
        """The one element of a role with an accessible name."""
        candidates = self.chromium.find_elements(By.CSS_SELECTOR, _OF_ROLE[role])
        matching = [one for one in candidates if one.accessible_name == name]
        assert len(matching) == 1, f"{len(matching)} of role {role} are called {name!r}"
        assert matching[0].aria_role == role
        return matching[0]

    def table(self, place: str) -> list[list[str]]:
        """The cells of a table, heads first."""
        rows: list[list[str]] = self.run(
            "return [...document.querySelectorAll(arguments[0] + ' tr')]"
            ".map(row => [...row.children].map(cell => cell.textContent))",
            place,
        )
        return rows

    def first_row(self) -> WebElement:
        """The uppermost row of the grid."""
        return self.chromium.find_element(
            By.CSS_SELECTOR, "[role=grid] [role=row][data-place='0'] [role=gridcell]"
        )

    def focused(self) -> tuple[str, str]:
        """Role and accessible name of what has the focus."""
        element = self.chromium.switch_to.active_element
        return element.aria_role, element.accessible_name

    def window(self, width: int, height: int) -> None:
        """As large as that, whatever the machine's screen."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def in_sight(self, selector: str) -> bool:
        """Whether an element is shown, and lies whole within the window."""
        return bool(
            self.run(
                "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
                "return box.height > 0 && box.top >= 0 && box.left >= 0"
                " && box.bottom <= innerHeight && box.right <= innerWidth",
                selector,
            )
        )

    def axe(self) -> list[str]:
        """What axe-core finds that is serious or critical, with where it is."""
        self.run(_AXE.read_text(encoding="utf-8"))
        found = self.chromium.execute_async_script(
            "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
        )
        return [
            f"{one['impact']} {one['id']}: {one['help']}, at {node['target']}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]

    def theme(self, name: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": name}
        self.chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def screenshot(self) -> bytes:
        return base64.b64decode(self.chromium.get_screenshot_as_base64())
