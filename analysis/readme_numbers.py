"""The numbers of README.md and of pages of docs, written from result files.

Those of speed are from `benchmarks/results`; all others from `analysis/results`.

Run as `python -m analysis.readme_numbers`: compares the two shipped seeds as the README says, keeps
summary, screen and a few numbers of the latents in `analysis/results/two_seeds`, and writes every
marked block anew. With `--no-compare` it only writes the blocks, from what the folders of
`analysis/results` hold; a test holds the pages to that.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import null_tables, rule_tables, speed_table, training_tables
from universality.cli.screen import comparison_screen
from universality.comparison import compare
from universality.results import Comparison
from universality.shipped import sample, two_seeds
from universality.storage.json_output import write_json

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "analysis" / "results"
PAGES = (
    ROOT / "README.md",
    *(ROOT / "docs" / f"{name}.md" for name in ("nulls", "rules", "training")),
)

_BLOCK = re.compile(r"(<!-- numbers: ([\w-]+) -->\n).*?(<!-- end of numbers -->)", re.DOTALL)
_READS = {
    "decoder": "what they write",
    "encoder": "what they read",
    "activations": "when they fire",
}


def run(out: Path) -> None:
    """Compare the two shipped seeds, and keep what the pages need."""
    found = compare(*two_seeds(), activations=sample())
    for side in ("a", "b"):  # where the checkout lies is nobody's business
        spec = Path(found.summary[side]["spec"])
        found.summary[side]["spec"] = spec.relative_to(ROOT).as_posix()
    out.mkdir(parents=True, exist_ok=True)
    write_json(found.summary, out / "summary.json")
    write_json(_of_latents(found), out / "latents.json")
    screen = comparison_screen(found.summary, Path("results/two-seeds"))
    (out / "screen.txt").write_text(screen + "\n", encoding="utf-8")


def _of_latents(found: Comparison) -> dict[str, float]:
    """How often frequent latents, and the others, have a partner at the threshold (decoder)."""
    alive = found.latents_a[found.latents_a["alive"]]
    reaches = alive["partner_similarity_decoder"] >= found.summary["policy"]["threshold"] - 1e-9
    frequent = alive["frequency"] >= alive["frequency"].quantile(0.6)
    return {
        "shared_of_frequent": float(reaches[frequent].mean()),
        "shared_of_others": float(reaches[~frequent].mean()),
    }


def write_pages(results: Path = RESULTS) -> None:
    """Write the marked blocks of every page."""
    for page in PAGES:
        page.write_text(with_numbers(page.read_text(encoding="utf-8"), results), encoding="utf-8")


def with_numbers(text: str, results: Path = RESULTS) -> str:
    """A page with its marked blocks written anew."""

    def block(match: re.Match[str]) -> str:
        return match[1] + BLOCKS[match[2]](results) + "\n" + match[3]

    return _BLOCK.sub(block, text)


def _screen(results: Path) -> str:
    lines = (results / "two_seeds" / "screen.txt").read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("mean similarity"))
    last = next(i for i, line in enumerate(lines) if line.startswith("nearer other"))
    return "\n".join(["```", *lines[first : last + 1], "```"])


def _shared(results: Path) -> str:
    summary = _summary(results, "two_seeds")
    row = _at(summary, summary["policy"]["threshold"])
    head = "shared | its null | latents of one run (a, b) | untrained | above chance | nearer other"
    lines = [
        f"| at a similarity of {row['threshold']:g} | {head} |",
        "|---|---|---|---|---|---|---|",
    ]
    for view, name in (
        ("decoder", None),
        ("encoder", None),
        ("decoder_and_encoder", "both"),
        ("activations", None),
    ):
        one = row[view]
        null = next(iter(one["nulls"]))
        latents = summary["views"].get(view, {}).get("latents", {}).get("a", {})
        cells = [
            name or f"{view}: {_READS[view]}",
            _percent(one["value"]),
            f"{_percent(one['null'])} ({null})",
            ", ".join(_percent(floor) for floor in one["own_run"].values()),
            _percent(one["nulls"]["untrained"]),
            *(_whole(latents.get(of)) for of in ("above_chance", "nearer_than_own")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _reading(results: Path) -> str:
    summary, latents = _summary(results, "two_seeds"), _json(results, "two_seeds", "latents")
    row = _at(summary, summary["policy"]["threshold"])
    above = summary["views"]["decoder"]["latents"]["a"]["above_chance"]
    leverage, unseen = summary["leverage"], _summary(results, "unseen_tokens")
    held_out = unseen["held_out"]
    times = latents["shared_of_frequent"] / latents["shared_of_others"]
    short = pd.read_csv(results / "random_model" / "shared.csv").set_index(["model", "view"])
    trained, random = short.loc["trained"]["shared"], short.loc["random weights"]["shared"]
    floor = max(row["activations"]["own_run"].values())
    fired = row["activations"]
    return _paragraph(
        f"Of the latents of one seed {_whole(above)} have a counterpart above chance in the "
        f"decoder, {_whole(row['decoder']['value'])} a partner at {row['threshold']:g} or more: "
        "above chance is common, the same feature is not. By activations different latents of one "
        f"run reach {row['threshold']:g} in {_percent(floor)}, where the null says "
        f"{_percent(fired['null'])}; and without the {leverage['n_left_out']} tokens that "
        f"contribute most to each pair {_percent(leverage['share_without'])} of the pairs are left "
        f"of {_percent(leverage['share'])}. The most frequent 40 % of the latents have a partner "
        f"{times:.1f} times as often as the others. On {unseen['activations']['n_tokens']:,} "
        "tokens of documents that training never saw "
        f"{_whole(_at(unseen, 0.7)['activations']['value'])} fire together, and pairs found on "
        f"half of them lose {_short(held_out['drop'])} of their mean correlation of "
        f"{_short(held_out['mean_fit'])} on the other half (`analysis/unseen_tokens.py`). Short "
        f"runs on the same model with random weights share at most {_percent(random.max())} at 0.7 "
        f"in any view; as short runs on the trained model share {_percent(trained['decoder'])} in "
        f"the decoder, {_percent(trained['encoder'])} in the encoder and "
        f"{_percent(trained['activations'])} by activations (`analysis/random_model.py`)."
    )


def _own_run(results: Path) -> str:
    summary = _summary(results, "two_seeds")
    lines = [
        "| at least | a with b | a with itself | b with itself | tokens null | untrained |",
        "|---|---|---|---|---|---|",
    ]
    for threshold in (0.5, 0.7, 0.9):
        found = _at(summary, threshold)["activations"]
        values = [found["value"], *found["own_run"].values(), found["null"]]
        cells = map(_percent, [*values, found["nulls"]["untrained"]])
        lines.append(f"| {threshold:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _coverage(results: Path) -> str:
    table = pd.read_csv(results / "document_intervals" / "coverage.csv")
    counts = sorted(set(table["documents"]))
    lines = [f"| world | {' | '.join(f'{n} documents' for n in counts)} |", "|---" * 5 + "|"]
    for world, rows in table.groupby("world", sort=False):
        both = rows.pivot_table(index="documents", columns="interval", values="coverage")
        reported = next(name for name in both if "(reported)" in str(name))
        cells = [
            f"{100 * both.loc[n, reported]:.0f} ({100 * both.loc[n, _FREED]:.0f})"
            if n in both.index
            else ""
            for n in counts
        ]
        lines.append(f"| {world} | {' | '.join(cells)} |")
    return "\n".join(lines)


_FREED = "around the bias-freed value"

BLOCKS: Mapping[str, Callable[[Path], str]] = {
    "screen": _screen,
    "shared": _shared,
    "reading": _reading,
    "own-run": _own_run,
    "coverage": _coverage,
    "speed": speed_table.speed,
    "power": null_tables.power,
    "direction-worlds": null_tables.direction_worlds,
    "firing-worlds": null_tables.firing_worlds,
    "same-seed": rule_tables.same_seed,
    "more-stable": rule_tables.more_stable,
    "training-speed": training_tables.speed,
    "training-error": training_tables.error,
}
"""What is written between the marks of each name."""


def _summary(results: Path, study: str) -> dict[str, Any]:
    return _json(results, study, "summary")


def _json(results: Path, study: str, name: str) -> dict[str, Any]:
    return dict(json.loads((results / study / f"{name}.json").read_text(encoding="utf-8")))


def _at(summary: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    return next(row for row in summary["shared"] if row["threshold"] == threshold)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _whole(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _short(number: float) -> str:
    return f"{number:.3f}".removeprefix("0")


def _paragraph(text: str, width: int = 102) -> str:
    """Lines of the page's width, no number parted from its per cent sign."""
    kept = text.replace(" %", "\u00a0%")
    lines, line = [], ""
    for word in kept.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line]).replace("\u00a0", " ")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-compare", action="store_true")
    arguments = parser.parse_args()
    if not arguments.no_compare:
        run(RESULTS / "two_seeds")
    write_pages()


if __name__ == "__main__":
    main()
