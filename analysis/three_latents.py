"""Three latents of a shipped run under the microscope: a punctuation mark, a word, a topic.

    python -m analysis.three_latents --model MODEL --work WORK --out analysis/results/three_latents

MODEL is SmolLM2-135M-Instruct. Each latent of `w2304-s0` is investigated on the shipped
activations, with its counterparts in the two other seeds. Writes, for each, the tables and figures
of `universality investigate` (pages and vector figures stay in the work folder), and `answers.csv`
with the headline numbers beside what chance gives and the seconds each took after loading.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from universality.investigation.investigating import investigate
from universality.models.language_model import load_language_model
from universality.publishing import publish_made
from universality.results.investigated import Investigation
from universality.storage.json_output import write_json

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "pretrained" / "smollm2-135m.blocks.8.hook_resid_post"
_KEPT = (".csv", ".json", ".parquet", ".png")
_LEFT_OUT = ("manifest.json",)


@final
@dataclass(frozen=True)
class Asked:
    """One latent, and what it may be about."""

    latent: int
    """Of the run."""
    proxy: str
    """As `--proxy` takes it."""


@final
@dataclass(frozen=True)
class Settings:
    """What decides the numbers."""

    run: str = "w2304-s0"
    """Whose latents."""
    others: tuple[str, ...] = ("w2304-s1", "w2304-s2")
    """Where they are looked for."""
    n_contexts: int = 10
    """Contexts of 64 tokens in which effects are measured."""
    n_controls: int = 10
    """Random latents beside each."""


ASKED = {
    "punctuation": Asked(619, r"regex:[-\u2013\u2014]"),
    "word": Asked(17, r"regex:(?i)(some|often|many )?times?|often|once|usually|commonly|rarely"),
    "topic": Asked(
        2141,
        r"regex:(?i)(rapid )?transit|metros?|sub-?ways?|rail(s|ways?)?|trains?|streets?",
    ),
}
"""By the folder of the result."""


def run(model: str, work: Path, out: Path, settings: Settings) -> None:
    """Investigate, and keep what is small."""
    loaded = load_language_model(model)
    rows: list[dict[str, Any]] = []
    for name, asked in ASKED.items():
        started = time.perf_counter()

        def ask(asked: Asked = asked) -> Investigation:
            return investigate(
                _named(settings.run),
                asked.latent,
                RUNS / "activations",
                others=[_named(one) for one in settings.others],
                model=loaded,
                proxies=asked.proxy,
                n_contexts=settings.n_contexts,
                n_controls=settings.n_controls,
                keep=work / "kept",
            )

        found = publish_made(ask, work / name, overwrite=True)
        rows += _rows(name, found, time.perf_counter() - started)
        _keep(work / name, out / name)
    table = pd.DataFrame(rows)
    table.to_csv(out / "answers.csv", index=False, float_format="%.4g")
    content = {"model": loaded.name, "asked": {name: asdict(one) for name, one in ASKED.items()}}
    write_json(content | asdict(settings), out / "settings.json")
    print(table.to_string(index=False, float_format="%.3g"))


def _named(name: str) -> str:
    return str((RUNS / name).relative_to(Path.cwd()))


def _rows(name: str, found: Investigation, seconds: float) -> list[dict[str, Any]]:
    summary = found.summary
    proxy, effects = summary["proxies"][0], summary["effects"]
    numbers: dict[str, tuple[float | None, float | None]] = {
        "share of tokens": (summary["subjects"][0]["frequency"], None),
        "precision": (proxy["precision"], proxy["base_rate"]),
        "recall": (proxy["recall"], proxy["density"]),
        "correlation with the proxy": (proxy["correlation"], 0.0),
        "effect": (effects["mean_size"], effects["control_mean_size"]),
        "direct effect": (effects["mean_direct_size"], None),
    }
    for one in summary["universality"]:
        numbers[f"{one['measure']} with {one['run']}"] = (one["value"], one["null_largest"])
        if one["measure"] == "activation":
            numbers[f"AUROC of {one['run']}"] = (one["auroc"], 0.5)
            numbers[f"average precision of {one['run']}"] = (one["average_precision"], None)
    numbers["seconds"] = (seconds, None)
    return [
        {"latent": name, "number": what, "value": value, "chance": chance}
        for what, (value, chance) in numbers.items()
    ]


def _keep(made: Path, folder: Path) -> None:
    """Tables and pictures of a published result, without page, vector figures and manifest.

    Of the logit weights those of tokens that the texts have.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for path in made.rglob("*"):
        if path.is_file() and path.suffix in _KEPT and path.name not in _LEFT_OUT:
            target = folder / path.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    logits = pd.read_parquet(folder / "logits.parquet")
    logits[logits["n_occurrences"] > 0].to_parquet(folder / "logits.parquet", index=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    run(given.model, given.work, given.out, Settings())
