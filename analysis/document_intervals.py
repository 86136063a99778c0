"""Do intervals over documents cover? The one that is reported, and two bootstraps for comparison.

Run as `python -m analysis.document_intervals --out analysis/results/document_intervals`.

Pairs are fixed beforehand (as if matched on other documents); their codes are sparse, their rates
differ between documents. Each repeat draws 50 documents; the target is the mean correlation over
20,000. Writes `coverage.csv`, with the share of repeats that cover and its binomial standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from tqdm import trange

from universality.evidence.document_interval import PairSums, mean_correlation
from universality.storage.json_files import write_json

WORLDS: Mapping[str, dict[str, Any]] = {
    "20 pairs, 2 % active": {"n_pairs": 20, "rate": 0.02, "spread": 1.0, "length": 64},
    "5 pairs, 1 % active": {"n_pairs": 5, "rate": 0.01, "spread": 1.5, "length": 64},
    "1 pair, 2 % active": {"n_pairs": 1, "rate": 0.02, "spread": 1.0, "length": 128},
}
"""Pairs, mean firing rate, spread of its logarithm over documents, tokens per document."""


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    n_documents: int = 50
    """Documents per repeat."""
    n_corpus: int = 20_000
    """Documents behind the target."""
    repeats: int = 2000
    """Draws of the documents."""
    n_resamples: int = 400
    """Of the bootstraps."""
    level: float = 0.95
    """Nominal coverage."""
    seed: int = 0
    """Seed of everything drawn."""


def run(out: Path, settings: Settings) -> None:
    """Simulate every world and write the table into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(settings.seed)
    rows = []
    for name, world in WORLDS.items():
        corpus = _corpus(settings.n_corpus, rng, **world)
        target = mean_correlation(corpus).estimate
        covered = pd.DataFrame(
            [
                _covers(_documents(corpus, settings, rng), target, settings, rng)
                for _ in trange(settings.repeats, desc=name, disable=None)
            ]
        )
        rows += [
            {
                "world": name,
                "interval": method,
                "coverage": covered[method].mean(),
                "standard_error": covered[method].sem(),
            }
            for method in covered
        ]
    table = pd.DataFrame(rows).round(4)
    table.to_csv(out / "coverage.csv", index=False)
    command = "python -m analysis.document_intervals --out analysis/results/document_intervals"
    described = {"command": command} | asdict(settings) | {"worlds": dict(WORLDS)}
    write_json(described, out / "settings.json")
    print(table.to_string(index=False))


def _corpus(
    n: int, rng: np.random.Generator, *, n_pairs: int, rate: float, spread: float, length: int
) -> PairSums:
    """Documents in which two noisy detectors of one feature fire at the document's own rate."""
    rates = rate * np.exp(spread * rng.standard_normal((n, n_pairs)) - spread**2 / 2)
    rates = rates.clip(0, 0.8)
    sums = np.zeros((5, n, n_pairs))
    for _ in range(length):
        feature = np.abs(rng.standard_normal(rates.shape)) * (rng.random(rates.shape) < rates)
        x = np.maximum(feature + _noise(rates.shape, rng), 0)
        y = np.maximum(feature * (rng.random(rates.shape) < 0.8) + _noise(rates.shape, rng), 0)
        sums += np.stack([x, y, x * x, y * y, x * y])
    return PairSums(np.full(n, float(length)), *sums)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return 0.3 * rng.standard_normal(shape) * (rng.random(shape) < 0.1)


def _documents(corpus: PairSums, settings: Settings, rng: np.random.Generator) -> PairSums:
    chosen = rng.integers(0, settings.n_corpus, settings.n_documents)
    return PairSums(**{name: values[chosen] for name, values in vars(corpus).items()})


def _covers(
    sample: PairSums, target: float, settings: Settings, rng: np.random.Generator
) -> dict[str, bool]:
    interval = mean_correlation(sample, level=settings.level)
    resampled = _resampled(sample, settings, rng)
    tail = (1 - settings.level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    mirrored = 2 * interval.estimate - high, 2 * interval.estimate - low
    return {
        "jackknife, bias removed, t (reported)": interval.low <= target <= interval.high,
        "percentile bootstrap": bool(low <= target <= high),
        "basic bootstrap": bool(mirrored[0] <= target <= mirrored[1]),
    }


def _resampled(sample: PairSums, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Mean correlation of resampled documents; documents are equally long here."""
    n = settings.n_documents
    times = rng.multinomial(n, np.full(n, 1 / n), size=settings.n_resamples)
    total = sample.n_tokens.sum()
    parts = (sample.x, sample.y, sample.xx, sample.yy, sample.xy)
    x, y, xx, yy, xy = (times @ part / total for part in parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nanmean((xy - x * y) / np.sqrt((xx - x * x) * (yy - y * y)), axis=1)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=Settings.repeats)
    arguments = parser.parse_args()
    run(arguments.out, Settings(repeats=arguments.repeats))


if __name__ == "__main__":
    main()
