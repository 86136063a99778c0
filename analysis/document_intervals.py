"""Do intervals over documents cover? The one that is reported, its halves, and two bootstraps.

Run as `python -m analysis.document_intervals --out analysis/results/document_intervals`.

Pairs are fixed beforehand (as if matched on other documents); their codes are sparse, their rates
differ between documents. Each repeat draws 10, 20, 31 or 63 documents; the target is the mean
correlation over all of the corpus. In the worlds `Zipf` rates fall as rank to minus one, and
documents differ in length. The world `shipped` are the 63 documents of the shipped sample and the
pairs that the decoder assigns between two shipped runs: its documents are drawn without
replacement, so its target is what all 63 say.

Writes `coverage.csv`: the share of repeats that cover, its binomial standard error, and means of
the raw value, of the estimate and of the target.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from tqdm import trange

from universality.comparison import Policy
from universality.evidence.document_interval import (
    DocumentInterval,
    PairSums,
    mean_correlation,
    pair_sums,
)
from universality.loading import load
from universality.runs.common_tokens import caches_of_two
from universality.runs.matched import match_runs
from universality.runs.run_set import gather_runs
from universality.shipped import sample, two_seeds
from universality.storage.json_output import write_json

WORLDS: Mapping[str, dict[str, Any]] = {
    "20 pairs, 2 % active": {"n_pairs": 20, "rate": 0.02, "spread": 1.0, "length": 64},
    "5 pairs, 1 % active": {"n_pairs": 5, "rate": 0.01, "spread": 1.5, "length": 64},
    "1 pair, 2 % active": {"n_pairs": 1, "rate": 0.02, "spread": 1.0, "length": 128},
    "Zipf, 150 pairs from 5 % on": {
        "n_pairs": 150,
        "rate": 0.05,
        "spread": 1.0,
        "length": 100,
        "zipf": 1.0,
        "length_spread": 0.8,
    },
    "Zipf, 150 pairs from 20 % on, topics": {
        "n_pairs": 150,
        "rate": 0.2,
        "spread": 2.0,
        "length": 100,
        "zipf": 1.0,
        "length_spread": 0.8,
    },
}
"""Pairs, firing rate (of the most frequent), spread of its logarithm over documents, median tokens
per document; power of the rank by which rates fall, spread of the logarithm of the length."""

_REPORTED = "raw and bias-freed, t (reported)"


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    n_documents: tuple[int, ...] = (10, 20, 31, 63)
    """Documents per repeat."""
    n_corpus: int = 4_000
    """Documents behind the target."""
    repeats: int = 1000
    """Draws of the documents."""
    n_resamples: int = 200
    """Of the bootstraps."""
    level: float = 0.95
    """Nominal coverage."""
    seed: int = 0
    """Seed of everything drawn."""


def run(out: Path, settings: Settings) -> None:
    """Simulate every world and write the table into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(settings.seed)
    rows: list[dict[str, Any]] = []
    for name, world in WORLDS.items():
        corpus = _corpus(settings.n_corpus, rng, **world)
        for n in settings.n_documents:
            rows += _coverage(name, corpus, n, settings, rng, replace=True)
    shipped = _shipped()
    for n in settings.n_documents:
        if n < shipped.n_tokens.size:
            rows += _coverage("shipped", shipped, n, settings, rng, replace=False)
    table = pd.DataFrame(rows).round(4)
    table.to_csv(out / "coverage.csv", index=False)
    command = "python -m analysis.document_intervals --out analysis/results/document_intervals"
    described = {"command": command} | asdict(settings) | {"worlds": dict(WORLDS)}
    write_json(described, out / "settings.json")
    print(table.to_string(index=False))


def _coverage(
    world: str,
    corpus: PairSums,
    n: int,
    settings: Settings,
    rng: np.random.Generator,
    *,
    replace: bool,
) -> Iterator[dict[str, Any]]:
    target = mean_correlation(corpus).raw
    found, covers = [], []
    for _ in trange(settings.repeats, desc=f"{world}, {n} documents", disable=None):
        chosen = rng.choice(corpus.n_tokens.size, n, replace=replace)
        sample = PairSums(**{name: values[chosen] for name, values in vars(corpus).items()})
        interval = mean_correlation(sample, level=settings.level)
        found.append((interval.raw, interval.estimate))
        covers.append(_covers(sample, interval, target, settings, rng))
    covered = pd.DataFrame(covers)
    raw, estimate = np.mean(found, axis=0)
    for method in covered:
        yield {
            "world": world,
            "documents": n,
            "interval": method,
            "coverage": covered[method].mean(),
            "standard_error": covered[method].sem(),
            "mean_raw": raw,
            "mean_estimate": estimate,
            "target": target,
        }


def _corpus(
    n: int,
    rng: np.random.Generator,
    *,
    n_pairs: int,
    rate: float,
    spread: float,
    length: int,
    zipf: float = 0.0,
    length_spread: float = 0.0,
) -> PairSums:
    """Documents in which two noisy detectors of one feature fire at the document's own rate."""
    lengths = (length * np.exp(length_spread * rng.standard_normal(n))).clip(8, 20 * length)
    document = np.repeat(np.arange(n), lengths.astype(np.int64))
    sums = np.zeros((5, n, n_pairs))
    for pair in range(n_pairs):
        rates = rate * (pair + 1) ** -zipf
        rates = rates * np.exp(spread * rng.standard_normal(n) - spread**2 / 2)
        fires = rng.random(document.size) < rates.clip(0, 0.8)[document]
        feature = np.abs(rng.standard_normal(document.size)) * fires
        x = np.maximum(feature + _noise(fires, rates, document, rng), 0)
        heard = rng.random(document.size) < 0.8
        y = np.maximum(feature * heard + _noise(fires, rates, document, rng), 0)
        for k, moment in enumerate((x, y, x * x, y * y, x * y)):
            sums[k, :, pair] = np.bincount(document, moment, minlength=n)
    return PairSums(np.bincount(document).astype(np.float64), *sums)


def _noise(
    fires: np.ndarray, rates: np.ndarray, document: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """On firings of the feature, and half as often elsewhere."""
    elsewhere = rng.random(document.size) < 0.5 * rates.clip(0, 0.8)[document]
    return 0.3 * rng.standard_normal(document.size) * (fires | elsewhere)


def _shipped() -> PairSums:
    """The pairs of two shipped runs that the decoder assigns, on the shipped sample."""
    a, b = map(load, two_seeds())
    policy = Policy(device="cpu")
    runs = gather_runs((a, b), policy, caches_of_two(sample()))
    (matched,) = match_runs(runs, policy).pairs.values()
    assert matched.runs.table is not None
    assert matched.a.codes is not None
    assert matched.b.codes is not None
    pairs = matched.matches["decoder"].matching
    documents = matched.runs.table.documents
    return pair_sums(matched.a.codes, matched.b.codes, documents, pairs=(pairs.a, pairs.b))


def _covers(
    sample: PairSums,
    interval: DocumentInterval,
    target: float,
    settings: Settings,
    rng: np.random.Generator,
) -> dict[str, bool]:
    resampled = _resampled(sample, settings, rng)
    tail = (1 - settings.level) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    reach = (interval.high - interval.low - abs(interval.raw - interval.estimate)) / 2
    return {
        _REPORTED: interval.low <= target <= interval.high,
        "around the bias-freed value": abs(target - interval.estimate) <= reach,
        "around the raw value": abs(target - interval.raw) <= reach,
        "percentile bootstrap": bool(low <= target <= high),
        "basic bootstrap": bool(2 * interval.raw - high <= target <= 2 * interval.raw - low),
    }


def _resampled(sample: PairSums, settings: Settings, rng: np.random.Generator) -> np.ndarray:
    """Mean correlation of resampled documents."""
    n = sample.n_tokens.size
    times = rng.multinomial(n, np.full(n, 1 / n), size=settings.n_resamples)
    total = (times @ sample.n_tokens)[:, None]
    parts = (sample.x, sample.y, sample.xx, sample.yy, sample.xy)
    x, y, xx, yy, xy = (times @ part / total for part in parts)
    variances = np.maximum((xx - x * x) * (yy - y * y), 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(variances > 0, (xy - x * y) / np.sqrt(variances), np.nan)
    heard = ~np.isnan(r)
    return np.asarray(np.where(heard, r, 0).sum(axis=1) / np.maximum(heard.sum(axis=1), 1))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=Settings.repeats)
    arguments = parser.parse_args()
    run(arguments.out, Settings(repeats=arguments.repeats))


if __name__ == "__main__":
    main()
