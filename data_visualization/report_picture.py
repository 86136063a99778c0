"""The picture of a report: its table of latents, and two latents side by side.

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

_WIDTH, _HEIGHT, _SCALE = 950, 1000, 1.4


def draw(result: Path, latent: int, file: Path) -> None:
    """Open the page at a latent of the first run and save what stands from the table on."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    size = f"--window-size={_WIDTH},{_HEIGHT}"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        browser.get(f"{(result / 'report.html').resolve().as_uri()}#a/{latent}")
        WebDriverWait(browser, 30).until(
            lambda page: page.execute_script("return document.documentElement.dataset.ready")
        )
        box = browser.execute_script(
            "const of = (name) => document.getElementById(name).getBoundingClientRect();"
            "const grid = of('grid'), pair = of('pair'), top = window.scrollY;"
            "const from = grid.top + top - 110;"
            "return [grid.left - 12, from, grid.width + 24, pair.bottom + top + 12 - from];"
        )
        clip = dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": _SCALE}
        shot = browser.execute_cdp_cmd(
            "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
        )
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
