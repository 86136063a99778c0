"""Are p-values of activation correlations right when two runs have nothing in common?

Run as `python -m analysis.activation_calibration --out analysis/results/activation_calibration`.

Worlds are pairs of independent sets of codes over the same documents; in mixtures some latents of
the second repeat those of the first on a share of the tokens. Writes the tables of
`analysis.null_calibration` for `activation_p_values`, the bound on p under the tokens null:
`super_uniformity.csv` (by decile of firing frequency), `rejections.csv` and `mixtures.csv`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from analysis.null_calibration import rejections, shares_by_decile, super_uniformity
from universality.codes import from_batches
from universality.nulls.coincidence import activation_p_values
from universality.nulls.significance import q_values
from universality.storage.json_files import write_json
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
    seed: int = 0
    """Seed of everything drawn."""

    @property
    def documents(self) -> np.ndarray:
        """Document of each token."""
        return np.repeat(np.arange(self.n_documents), self.length)


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
    command = (
        "python -m analysis.activation_calibration --out analysis/results/activation_calibration"
    )
    described = {"command": command} | asdict(settings) | {"worlds": dict(WORLDS)}
    write_json(described, out / "settings.json")
    print(found.to_string(index=False))


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
        p = p_values(x, y, settings)
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
    found = q_values(p_values(x, y, settings)) <= settings.alpha
    planted = shared.numpy()
    level = np.diagonal(_correlations(x, y))[planted].mean()
    return (found & ~planted).sum() / max(1, found.sum()), float(found[planted].mean()), level


def p_values(x: Tensor, y: Tensor, settings: Settings) -> np.ndarray:
    """P-value of each latent's correlation with its nearest in the other run."""
    codes = [from_batches([side], settings.n) for side in (x, y)]
    nearest = _correlations(x, y).max(axis=1)
    return activation_p_values(codes[0], codes[1], nearest, settings.documents)


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
