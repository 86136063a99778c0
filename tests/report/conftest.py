"""One headless browser for the pages of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from tests.report.browser import open_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    browser = open_chromium()
    yield browser
    browser.quit()
