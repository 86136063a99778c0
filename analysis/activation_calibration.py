"""Are p-values of activation correlations right when two runs have nothing in common?

Run as `python -m analysis.activation_calibration --out analysis/results/activation_calibration`.

Worlds are pairs of independent sets of codes over the same documents; in mixtures some latents of
the second repeat those of the first on a share of the tokens. Writes the tables of
`analysis.null_calibration` for `activation_p_bounds`, the bound on p under the tokens null:
`super_uniformity.csv` (by decile of firing frequency), `rejections.csv` and `mixtures.csv`. A bound
that says nothing counts as 1. `positions.csv` has worlds in which a fifth of the latents of both
runs are locked to one place of the documents: how many of these are called above chance, what the
bound says of them beside the draws, and how many are found when their strengths are shared.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from analysis.null_calibration import rejections, shares_by_decile, super_uniformity
from universality.codes import from_batches
from universality.matching import Neighbours
from universality.nulls.coincidence import activation_p_bounds
from universality.nulls.significance import q_values
from universality.nulls.tokens import permute_windows
from universality.storage.json_output import write_json
from universality.synthetic import draw_tokens, make_truth

WORLDS: Mapping[str, dict[str, Any]] = {
    "bursts": {},
    "clusters": {"correlation": 0.7},
    "beginnings": {"beginnings": 0.1},
    "topics": {"topics": 1.0},
}
"""What independent runs are like. All latents fire in bursts of two tokens. `correlation`: eight
latents at a time fire together; `beginnings`: a share of the latents fires on first tokens of
documents and nowhere else, in both runs; `topics`: the rate of a latent differs between documents,
by this standard deviation of its logarithm. Topics outlast the 16 tokens that the null moves."""


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    n: int = 40
    """Latents per run."""
    n_documents: int = 50
    """Documents."""
    length: int = 64
    """Tokens of each."""
    mean_l0: float = 1.2
    """Latents that start to fire on a token."""
    zipf: float = 0.7
    """The frequency of a latent falls as its rank to minus this power: here from 10 % to 1 %."""
    repeats: int = 1000
    """Pairs of independent runs per world."""
    mixture_repeats: int = 100
    """Pairs of runs per mixture."""
    alpha: float = 0.05
    """False discovery rate aimed at."""
    levels: tuple[float, ...] = (0.001, 0.01, 0.05, 0.1)
    """Levels at which p-values are counted."""
    fractions: tuple[float, ...] = (0.1, 0.5, 0.9)
    """Planted fractions of shared latents."""
    kept: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
    """Share of tokens on which a copy does what its original does; elsewhere it goes its way."""
    locked: float = 0.2
    """Share of the latents that are locked to a place, where positions are tested."""
    n_long: int = 12
    """Documents twice as long, where positions are tested: too few to keep their places apart."""
    position_documents: int = 100
    """Documents, where positions are tested."""
    position_repeats: int = 100
    """Pairs of runs per range of places."""
    position_draws: int = 20
    """Draws of the tokens null beside the bound, in the first ten of these pairs."""
    position_share: float = 0.3
    """Share of the documents in which a planted pair fires at its place."""
    seed: int = 0
    """Seed of everything drawn."""

    @property
    def documents(self) -> np.ndarray:
        """Document of each token."""
        return np.repeat(np.arange(self.n_documents), self.length)


PLACES: Mapping[str, range] = {
    "0": range(1),
    "1-15": range(1, 16),
    "16-31": range(16, 32),
    "32-47": range(32, 48),
    "48-63": range(48, 64),
    "64 and later": range(64, 128),
}
"""Where in the document latents are locked; the last range only 12 documents have."""


def run(out: Path, settings: Settings) -> None:
    """Draw every world, and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(settings.seed)
    single = pd.concat(pd.DataFrame(_independent(w, settings, generator)) for w in WORLDS)
    super_uniformity(single, settings.levels).to_csv(out / "super_uniformity.csv", index=False)
    found = rejections(single, settings.alpha)
    found.to_csv(out / "rejections.csv", index=False)
    mixed = pd.DataFrame(_mixtures(settings, generator))
    mixed.to_csv(out / "mixtures.csv", index=False, float_format="%.5f")
    positions = pd.DataFrame(_positions(settings, generator))
    positions.to_csv(out / "positions.csv", index=False, float_format="%.5f")
    command = (
        "python -m analysis.activation_calibration --out analysis/results/activation_calibration"
    )
    described = {"command": command} | asdict(settings) | {"worlds": dict(WORLDS)}
    write_json(described, out / "settings.json")
    print(found.to_string(index=False))
    print(positions.to_string(index=False))


def draw_codes(
    settings: Settings,
    generator: torch.Generator,
    *,
    correlation: float = 0.0,
    beginnings: float = 0.0,
    topics: float = 0.0,
) -> Tensor:
    """Codes of one run, (tokens, latents), the most frequent latents first."""
    n, n_tokens = settings.n, settings.documents.size
    truth = make_truth(
        n,
        8,
        generator=generator,
        mean_l0=settings.mean_l0,
        zipf=settings.zipf,
        correlation=correlation,
    )
    codes = draw_tokens(truth, n_tokens, generator=generator).codes
    if topics:
        spread = topics * torch.randn(settings.n_documents, n, generator=generator)
        keep = (spread - 2 * topics).exp().clamp(max=1).repeat_interleave(settings.length, dim=0)
        codes = codes * (torch.rand(codes.shape, generator=generator) < keep)
    codes = codes + 0.7 * codes.roll(1, dims=0)
    first = torch.arange(n_tokens) % settings.length == 0
    at_start = torch.arange(n) < round(beginnings * n)
    strength = torch.randn(n_tokens, 1, generator=generator).abs()
    return torch.where(at_start, strength * first[:, None], codes)


def _independent(
    world: str, settings: Settings, generator: torch.Generator
) -> Iterator[dict[str, Any]]:
    for repeat in tqdm(range(settings.repeats), desc=world, disable=None):
        x, y = (draw_codes(settings, generator, **WORLDS[world]) for _ in "ab")
        p = p_values(x, y, settings.documents)
        rejected = bool((q_values(p) <= settings.alpha).any())
        frequency = (x > 0).float().mean(dim=0).numpy()
        for row in shares_by_decile(p, {"frequency": frequency}, settings.levels):
            yield {"world": world, "repeat": repeat, "rejected": rejected} | row


def _mixtures(settings: Settings, generator: torch.Generator) -> Iterator[dict[str, Any]]:
    """One row per planted fraction and faithfulness of the copies, in the first world."""
    cells = [(f, kept) for f in settings.fractions for kept in settings.kept]
    for fraction, kept in tqdm(cells, desc="mixtures", disable=None):
        shared = torch.rand(settings.n, generator=generator).argsort() < fraction * settings.n
        found = np.array(
            [
                _discoveries(shared, kept, settings, generator)
                for _ in range(settings.mixture_repeats)
            ]
        )
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
        yield {
            "fraction": fraction,
            "kept": kept,
            "correlation": found[:, 2].mean(),
            "false_discovery_proportion": found[:, 0].mean(),
            "standard_error": error[0],
            "bound": settings.alpha * (1 - fraction),
            "power": found[:, 1].mean(),
            "power_error": error[1],
        }


def _discoveries(
    shared: Tensor, kept: float, settings: Settings, generator: torch.Generator
) -> tuple[float, float, float]:
    """False discovery proportion, share of the planted latents found, and their correlation."""
    x, y = (draw_codes(settings, generator) for _ in "ab")
    copied = torch.rand(x.shape, generator=generator) < kept
    y = torch.where(shared & copied, x, y)
    found = q_values(p_values(x, y, settings.documents)) <= settings.alpha
    planted = shared.numpy()
    level = np.diagonal(_correlations(x, y))[planted].mean()
    return (found & ~planted).sum() / max(1, found.sum()), float(found[planted].mean()), level


def _positions(settings: Settings, generator: torch.Generator) -> Iterator[dict[str, Any]]:
    """One row per range of places: independent strengths, then strengths that half share."""
    for name, span in PLACES.items():
        trials = [
            _locked_trial(span, settings, generator, drawn=repeat < 10)
            for repeat in tqdm(range(settings.position_repeats), desc=f"place {name}", disable=None)
        ]
        called, bound, drawn, found = (
            np.array([t[k] for t in trials if k in t])
            for k in ("called", "bound", "drawn", "found")
        )
        error = called.std(ddof=1) / np.sqrt(called.size)
        yield {
            "place": name,
            "called": called.mean(),
            "standard_error": error,
            "within": called.mean() <= settings.alpha + 2 * error,
            "median_bound": np.median(bound),
            "median_drawn_p": np.median(drawn),
            "power": found.mean(),
            "power_error": found.std(ddof=1) / np.sqrt(found.size),
            "repeats": called.size,
        }


def _locked_trial(
    span: range, settings: Settings, generator: torch.Generator, *, drawn: bool
) -> dict[str, Any]:
    """A pair of runs whose first latents are locked to a place of every document, or of some."""
    lengths = np.full(settings.position_documents, settings.length)
    lengths[: settings.n_long] *= 2
    documents = np.repeat(np.arange(lengths.size), lengths)
    place = np.arange(documents.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    chosen = span[int(torch.randint(len(span), (1,), generator=generator))]
    at_place = torch.from_numpy(place == chosen)
    n_locked = round(settings.locked * settings.n)
    longer = replace(settings, n_documents=1, length=documents.size)

    def codes(share: float) -> Tensor:
        drawn = draw_codes(longer, generator)
        fires = torch.rand(at_place.shape[0], n_locked, generator=generator) < share
        strength = torch.randn(fires.shape, generator=generator).abs()
        drawn[:, :n_locked] = strength * fires * at_place[:, None]
        return drawn

    x, y = codes(1.0), codes(1.0)
    p = p_values(x, y, documents)
    result: dict[str, Any] = {
        "called": float((q_values(p)[:n_locked] <= settings.alpha).mean()),
        "bound": np.median(p[:n_locked]),
    }
    if drawn:
        reached = _reached_in_draws(x, y, documents, settings.position_draws, generator)
        result["drawn"] = np.median(reached[:n_locked])
    x, y = codes(settings.position_share), codes(settings.position_share)
    y[:, : n_locked // 2] = x[:, : n_locked // 2]
    found = q_values(p_values(x, y, documents)) <= settings.alpha
    fires = (x[:, : n_locked // 2] > 0).any(dim=0).numpy()
    if fires.any():
        result["found"] = float(found[: n_locked // 2][fires].mean())
    return result


def _reached_in_draws(
    x: Tensor, y: Tensor, documents: np.ndarray, n_draws: int, generator: torch.Generator
) -> np.ndarray:
    """Share of draws of the tokens null in which each latent's nearest is as alike as observed."""
    observed = _correlations(x, y).max(axis=1)
    reached = []
    for _ in range(n_draws):
        rows_a, rows_b = map(torch.from_numpy, permute_windows(documents, generator=generator))
        reached.append(_correlations(x[rows_a], y[rows_b]).max(axis=1) >= observed)
    return np.mean(reached, axis=0)


def p_values(x: Tensor, y: Tensor, documents: np.ndarray) -> np.ndarray:
    """The bound for each latent's correlation with its nearest in the other run, at most 1."""
    codes = [from_batches([side], side.shape[1]) for side in (x, y)]
    r = _correlations(x, y)
    near = [
        Neighbours(side.argmax(axis=1)[:, None], side.max(axis=1)[:, None]) for side in (r, r.T)
    ]
    bounds, _ = activation_p_bounds(codes[0], codes[1], (near[0], near[1]), documents)
    return np.nan_to_num(bounds, nan=1.0)


def _correlations(x: Tensor, y: Tensor) -> np.ndarray:
    """Of every pair; 0 where a latent never fires."""
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.corrcoef(x.numpy(), y.numpy(), rowvar=False)
    return np.nan_to_num(both[: x.shape[1], x.shape[1] :])


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=Settings.repeats)
    arguments = parser.parse_args()
    run(arguments.out, Settings(repeats=arguments.repeats))


if __name__ == "__main__":
    main()
