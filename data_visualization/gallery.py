"""The pictures of docs/gallery.md, drawn by the lines that stand beside them.

python -m data_visualization.gallery [--work FOLDER]

`comparison` is of two shipped seeds with their activations and an arbitrary unembedding, `many` of
the shipped runs, `steps` of checkpoints of two small runs that are trained here, `seeds` of six
such, `toy` of a toy model, `connection` of a connector between two shipped runs, `label` of two
shipped seeds. Results are kept in the work folder, so that the pictures can be drawn again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

import universality as un
from universality.connectors.analytic_map import Between
from universality.connectors.connecting import connect
from universality.connectors.fit_settings import ConnectorSettings
from universality.results import Connection
from universality.training.architectures.topk import TopKRecipe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "images" / "gallery"
CALIBRATION = ROOT / "analysis" / "results" / "null_calibration"
EFFECTS = ROOT / "analysis" / "results" / "same_effects"
INVESTIGATION = ROOT / "analysis" / "results" / "three_latents" / "word"
PLANTED = ROOT / "tests" / "fixtures" / "results_of_0_1" / "stability"

_RUNS = ROOT / "pretrained" / "smollm2-135m.blocks.8.hook_resid_post"
_SEEDS = ("w2304-s0", "w2304-s1", "w2304-s2")
_WIDTHS = ("w576-s0", "w1152-s0")
_N_WORDS = 2_000
_COLOURS = 64


def draw(names: dict[str, Any], folder: Path) -> None:
    """Run the blocks of the page with these names in a folder that is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    with contextlib.chdir(folder):
        exec(compile("\n".join(blocks), str(PAGE), "exec"), names)
    for numbers in folder.glob("*.csv"):
        numbers.unlink()
    for picture in folder.glob("*.png"):
        Image.open(picture).quantize(_COLOURS).save(picture, optimize=True)


def results(work: Path) -> dict[str, Any]:
    """The results that the page draws, by the names it gives them."""
    return {
        "comparison": _with_effects(_kept(work / "comparison", lambda: _comparison(work))),
        "many": _kept(work / "many", _many),
        "steps": _kept(work / "steps", lambda: _steps(work)),
        "seeds": _kept(work / "seeds", lambda: _seeds(work)),
        "toy": _kept(work / "toy", lambda: _toy(work / "toy")),
        "planted": un.read_result(PLANTED),
        "planted_pair": un.read_result(PLANTED.with_name("comparison")),
        "investigation": un.read_result(INVESTIGATION),
        "connection": _kept(work / "connection", _connection),
        "calibration": CALIBRATION,
        "label": _label(work / "label.json"),
    }


def _kept(folder: Path, make: Any) -> Any:
    if not (folder / "summary.json").is_file():
        made = make()
        if made is not None:
            made.save(folder)
    return un.read_result(folder)


def _comparison(work: Path) -> un.Comparison:
    unembedding = work / "unembedding.npy"
    directions = np.random.default_rng(0).normal(size=(_N_WORDS, 576)).astype(np.float32)
    np.save(unembedding, directions)
    a, b = (_RUNS / name for name in _SEEDS[:2])
    policy = un.Policy(nulls=("geometry",), n_draws=2, held_out=False)
    activations = _RUNS / "activations"
    more = {"unembedding": unembedding, "partial": True, "groups": True}
    return un.compare(a, b, policy, activations=activations, **more)


def _with_effects(comparison: un.Comparison) -> un.Comparison:
    """What the same two runs' pairs do to their model, as the study found it."""
    measured = json.loads((EFFECTS / "summary.json").read_text(encoding="utf-8"))
    effects = pd.read_csv(EFFECTS / "effects.csv")
    return replace(comparison, effects=effects, summary=comparison.summary | {"effects": measured})


def _many() -> un.Stability:
    policy = un.Policy(views=("decoder", "encoder"), nulls=("geometry",), n_draws=2)
    return un.stability([_RUNS / name for name in (*_SEEDS, *_WIDTHS)], policy)


def _label(path: Path) -> un.Label:
    if not path.is_file():
        one, two, order = (_RUNS / name for name in ("w2304-s0", "w2304-s1", "w2304-s0-order1"))
        floors = {"same_start": [one, order]}
        rules = ("paulo2025", "agreement2025", "song2025", "husai2026", "gerasimov2026")
        applied = un.apply_rules([one, two], rules, un.Policy(n_draws=2), floors=floors)
        un.label(applied).save(path)
    return un.read_label(path)


def _small_runs(folder: Path, n: int, checkpoints: int) -> list[Path]:
    settings = [
        un.TrainingSettings(
            d_sae=128,
            architecture=TopKRecipe(k=8),
            n_tokens=150_000,
            batch_size=256,
            learning_rate=5e-3,
            checkpoints=checkpoints,
            init_seed=seed,
            order_seed=seed,
        )
        for seed in range(n)
    ]
    return un.train(_RUNS / "activations", settings, folder)


def _seeds(work: Path) -> un.Stability:
    policy = un.Policy(threshold=0.5, nulls=("geometry",), n_draws=2)
    return un.stability(_small_runs(work / "seeds-runs", 6, 0), policy)


def _steps(work: Path) -> un.Stability:
    runs = _small_runs(work / "runs", 2, 5)
    saved = [str(one) for run in runs for one in sorted((run / "checkpoints").iterdir())]
    return un.stability(saved, un.Policy(nulls=("geometry",), n_draws=2))


def _connection() -> Connection:
    runs = [un.load(_RUNS / name) for name in ("w576-s0", "w1152-s0")]
    cache = un.open_activations(_RUNS / "activations")
    nothing = Between(
        torch.eye(576, dtype=torch.float32), torch.zeros(576, dtype=torch.float32), relu=False
    )
    settings = ConnectorSettings(steps=400, l1=0.01)
    return connect(*runs, (cache, cache), settings, between=nothing).connection


def _toy(folder: Path) -> None:
    options = ["--instances", "4", "--steps", "6000", "--model-steps", "4000"]
    command = [sys.executable, "-m", "universality.cli", "toy", "--resample", "simple", *options]
    subprocess.run([*command, "--out", str(folder)], check=True)


def main() -> None:
    """Make the results and draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    draw(results(work), PICTURES)


if __name__ == "__main__":
    main()
