"""How long a page of wide runs takes to open: from asking for it to a verdict that can be read.

    python -m benchmarks.open_page [--latents 32768] [--repeats 3]

Two made runs of 4,096 latents are compared without activations, their tables are set after one
another until there are that many latents a side, the page is written, and
a headless Chromium (with its driver, `apt-get install chromium chromium-driver`) opens
`report.html#a/17` in a new process each time. `work` is what the page's own main thread did until
the verdict stood (`Performance.getMetrics`), in CPU seconds, and `script` the part of it that is
ours; `wall` is what a person waits, on a machine that is otherwise idle. Writes
`benchmarks/results/open_page.csv`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

import universality as un
from universality.activation_functions import ReLU
from universality.dictionary import Source
from universality.report import page

OUT = Path(__file__).resolve().parent / "results" / "open_page.csv"
_D_IN = 64
_COMPARED = 4_096
_LATENTS = ("nearest_", "runner_up_", "partner_", "own_nearest_")
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1440,900")


def run(n_latents: int, repeats: int) -> None:
    """Measure, and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_text(page(_repeated(_compared(), -(-n_latents // _COMPARED))), encoding="utf-8")
        size = file.stat().st_size / 2**20
        rows = [_opened(file) | {"latents": n_latents, "mb": size} for _ in range(repeats)]
    table = pd.DataFrame(rows)
    table.to_csv(OUT, index=False, float_format="%.2f")
    print(table.to_string(index=False))


def _repeated(comparison: un.Comparison, times: int) -> un.Comparison:
    """The tables so many times, each with latents of its own."""

    def longer(table: pd.DataFrame) -> pd.DataFrame:
        named = [one for one in table.columns if _names_latents(one)]
        parts = [
            table.assign(
                **{one: table[one].where(table[one] < 0, table[one] + start) for one in named}
            )
            for start in range(0, times * _COMPARED, _COMPARED)
        ]
        return pd.concat(parts, ignore_index=True)

    names = ("latents_a", "latents_b", "pairs")
    return replace(comparison, **{name: longer(getattr(comparison, name)) for name in names})


def _names_latents(column: str) -> bool:
    return column in ("latent", "a", "b") or (
        column.startswith(_LATENTS) and "similarity" not in column
    )


def _compared() -> un.Comparison:
    """Of two runs of which half the latents are nearly alike; nothing is drawn."""
    n = _COMPARED
    generator = np.random.default_rng(0)
    a, b = (generator.normal(size=(n, _D_IN)).astype(np.float32) for _ in range(2))
    b[: n // 2] = a[: n // 2] + 0.3 * b[: n // 2]
    runs = [
        un.Dictionary(
            W_dec=torch.from_numpy(rows),
            W_enc=torch.from_numpy(rows),
            activation_fn=ReLU(),
            source=Source(spec=name, name=name),
        )
        for name, rows in (("a", a), ("b", b))
    ]
    return un.compare(*runs, un.Policy(nulls=("isotropic",), n_draws=2, alive="all"))


def _opened(file: Path) -> dict[str, float]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in _FLAGS:
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        started = time.perf_counter()
        browser.get(f"{file.as_uri()}#a/17")
        WebDriverWait(browser, 60, poll_frequency=0.01).until(
            lambda page: page.execute_script("return !!document.getElementById('verdict')")
        )
        wall = time.perf_counter() - started
        found = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        metrics = {one["name"]: one["value"] for one in found}
        paint = browser.execute_script(
            "return performance.getEntriesByType('paint').map((one) => one.startTime).at(-1)"
        )
    finally:
        browser.quit()
    return {
        "work": metrics["TaskDuration"],
        "script": metrics["ScriptDuration"],
        "first_paint": float(paint or 0) / 1000,
        "wall": wall,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latents", type=int, default=32_768)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    run(given.latents, given.repeats)
