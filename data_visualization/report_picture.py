"""The picture of a report: its first screen, opened at the address of one latent.

python -m data_visualization.report_picture RESULT [--latent 17] [--out docs/images/report.png]

RESULT is a folder that `universality compare A B --activations DIR --unembedding MODEL --out
RESULT` wrote. Needs `selenium` (the extra `test`), and Chromium with its driver.
"""

from __future__ import annotations

import argparse
import base64
import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

_WIDTH, _HEIGHT = 1440, 900


def draw(result: Path, latent: int, file: Path) -> None:
    """Open the page at a latent of the first run and save what a laptop shows of it."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    size = f"--window-size={_WIDTH},{_HEIGHT}"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": _WIDTH, "height": _HEIGHT, "deviceScaleFactor": 1, "mobile": False},
        )
        browser.get(f"{(result / 'report.html').resolve().as_uri()}#a/{latent}")
        WebDriverWait(browser, 30).until(
            lambda page: page.execute_script("return document.documentElement.dataset.ready")
        )
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    finally:
        browser.quit()
    file.write_bytes(base64.b64decode(shot["data"]))


def main() -> None:
    """Read a saved comparison and save the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--latent", type=int, default=17)
    parser.add_argument("--out", type=Path, default=Path("docs/images/report.png"))
    given = parser.parse_args()
    draw(given.result, given.latent, given.out)


if __name__ == "__main__":
    main()
