"""Are p-values per latent right when nothing is shared, and what do they find when something is?

Run as `python -m analysis.null_calibration --out analysis/results/null_calibration`.

Worlds are pairs of independent runs with the same geometry; mixtures plant shared latents at a
known cosine in the second of them. Writes `super_uniformity.csv` (how often p is at most each
level, standard errors clustered by repeat, by decile of alignment with the mean and of firing
frequency), `rejections.csv` (how often Benjamini-Hochberg finds anything though nothing is there;
`within` unless a rate of alpha would be exceeded with less than one percent probability: the
one-sided binomial bound), `mixtures.csv` (false discovery proportion and power of `above_chance`)
and `draws.csv`: over independent pairs of runs, the observed greedy mean less the mean of the draws
that are printed beside it, of one view and of two views of each run (`within`: below four standard
errors over pairs, and below .003).

Frequent latents lean towards the mean, as in real dictionaries: the rank of a latent's frequency
is that of its alignment plus as much noise. P-values of directions do not see the frequency.
`analysis.activation_calibration` does the same for p-values of activation correlations,
`analysis.planted_power` plants latents in real dictionaries, whose latents have siblings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from scipy.stats import binom
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from analysis.independent_worlds import DIRECTIONS
from universality.nulls.null import NULLS
from universality.nulls.rotation import rows_at_cosine
from universality.nulls.significance import nearest_p_values, q_values, without_siblings
from universality.storage.json_output import write_json
from universality.synthetic import make_directions

_REAL: dict[str, Any] = {"mean_share": 0.03, "spectrum": 0.75}
"""About as on TopK dictionaries of SmolLM2-135M, layer 8: mean cosine between runs .004 (decoder)
and .028 (encoder), effective dimension 43 and 76 % of d; here .03 and 41 %."""

WORLDS: Mapping[str, dict[str, Any]] = {
    "isotropic": {},
    "mean and spectrum": _REAL,
    "clusters": _REAL | {"cluster_size": 8, "cluster_share": 0.7},
    "confined minority": _REAL | {"confined": (0.1, 8)},
}
"""Geometries of independent runs. The last is one that mean and spectrum do not tell: a tenth of
the latents of every run lies in the same eight dimensions."""


DRAWN = {
    name: DIRECTIONS[name]
    for name in (
        "isotropic",
        "mean and spectrum",
        "3 axes hold 60 %",
        "1 axis holds 30 %",
        "1 axis holds 30 %, oblique mean",
        "8 axes hold 50 %, oblique mean",
        "power law",
        "a power law of its own per latent",
    )
}
"""Geometries whose draws are checked."""

PAIRED = ("isotropic", "mean and spectrum", "3 axes hold 60 %")
"""Those of them also checked with two views of each run."""


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    n: int = 256
    """Latents per run."""
    d: int = 64
    """Dimensions."""
    repeats: int = 1000
    """Pairs of independent runs per world."""
    mixture_repeats: int = 100
    """Pairs of runs per mixture."""
    pairs: int = 20
    """Pairs of independent runs whose draws are checked, per world."""
    pair_size: tuple[int, int] = (512, 64)
    """Latents and dimensions of these."""
    n_draws: int = 4
    """Draws beside each of these pairs, as many as `compare` makes."""
    alpha: float = 0.05
    """False discovery rate aimed at."""
    levels: tuple[float, ...] = (0.001, 0.01, 0.05, 0.1)
    """Levels at which p-values are counted."""
    fractions: tuple[float, ...] = (0.1, 0.5, 0.9)
    """Planted fractions of shared latents."""
    cosines: tuple[float, ...] = field(default=(0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9))
    """Planted cosines."""
    seed: int = 0
    """Seed of everything drawn."""


def run(out: Path, settings: Settings) -> None:
    """Draw every world, and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(settings.seed)
    single = pd.concat(
        pd.DataFrame(_independent(world, null, settings, generator))
        for world in WORLDS
        for null in ("geometry", "isotropic")
    )
    super_uniformity(single, settings.levels).to_csv(out / "super_uniformity.csv", index=False)
    rejections(single, settings.alpha).to_csv(out / "rejections.csv", index=False)
    drawn = pd.DataFrame(_draws(settings, generator))
    drawn.to_csv(out / "draws.csv", index=False, float_format="%.5f")
    mixed = pd.DataFrame(_mixtures(settings, generator))
    mixed.to_csv(out / "mixtures.csv", index=False, float_format="%.5f")
    command = (
        "python -m analysis.null_calibration --out analysis/results/null_calibration "
        f"--repeats {settings.repeats} --mixture-repeats {settings.mixture_repeats}"
    )
    described = {"command": command} | asdict(settings) | {"worlds": dict(WORLDS)}
    write_json(described, out / "settings.json")


def _independent(
    world: str, null: str, settings: Settings, generator: torch.Generator
) -> Iterator[dict[str, Any]]:
    """One row per repeat, grouping and group of latents: share of p at most each level."""
    for repeat in tqdm(range(settings.repeats), desc=f"{world}, {null}", disable=None):
        a, b = (
            make_directions(settings.n, settings.d, generator=generator, **WORLDS[world])
            for _ in range(2)
        )
        p = _p_values(null, a, b)
        about = {
            "world": world,
            "null": null,
            "repeat": repeat,
            "rejected": bool((q_values(p) <= settings.alpha).any()),
        }
        alignment = a.sum(dim=1)
        noise = torch.randn(settings.n, generator=generator)
        groupings = {"alignment": alignment, "frequency": alignment / alignment.std() + noise}
        for row in shares_by_decile(
            p, {name: values.numpy() for name, values in groupings.items()}, settings.levels
        ):
            yield about | row


def shares_by_decile(
    p: np.ndarray, groupings: Mapping[str, np.ndarray], levels: tuple[float, ...]
) -> Iterator[dict[str, Any]]:
    """The share of p-values at most each level: of all latents, and by decile of each grouping."""
    by_group = [("all", np.zeros(p.size, dtype=int))]
    by_group += [
        (name, 10 * values.argsort().argsort() // p.size) for name, values in groupings.items()
    ]
    for name, group in by_group:
        sizes = np.bincount(group)
        shares = {f"{level:g}": np.bincount(group, p <= level) / sizes for level in levels}
        for number in range(sizes.size):
            decile = "all" if name == "all" else number
            values = {level: share[number] for level, share in shares.items()}
            yield {"grouping": name, "decile": decile} | values


def _mixtures(settings: Settings, generator: torch.Generator) -> Iterator[dict[str, Any]]:
    """One row per world, planted fraction and planted cosine, under the geometry null."""
    cells = [(f, c) for f in settings.fractions for c in settings.cosines]
    for world in ("isotropic", "mean and spectrum"):
        for fraction, cosine in tqdm(cells, desc=f"mixtures, {world}", disable=None):
            found = np.array(
                [
                    _discoveries(world, round(fraction * settings.n), cosine, settings, generator)
                    for _ in range(settings.mixture_repeats)
                ]
            )
            error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
            yield {
                "world": world,
                "fraction": fraction,
                "cosine": cosine,
                "false_discovery_proportion": found[:, 0].mean(),
                "standard_error": error[0],
                "bound": settings.alpha * (1 - fraction),
                "power": found[:, 1].mean(),
                "power_error": error[1],
            }


def _discoveries(
    world: str, n_shared: int, cosine: float, settings: Settings, generator: torch.Generator
) -> tuple[float, float]:
    """False discovery proportion, and share of the planted latents found."""
    a, b = (
        make_directions(settings.n, settings.d, generator=generator, **WORLDS[world])
        for _ in range(2)
    )
    b[:n_shared] = rows_at_cosine(a[:n_shared], cosine, generator=generator)
    p = without_siblings(_p_values("geometry", a, b), mutual(a, b))
    found = q_values(p) <= settings.alpha
    return found[n_shared:].sum() / max(1, found.sum()), float(found[:n_shared].mean())


def _p_values(null: str, a: Tensor, b: Tensor) -> np.ndarray:
    nearest = (a @ b.T).max(dim=1).values.double().numpy()
    return np.asarray(nearest_p_values(null, a, b, nearest))


def mutual(a: Tensor, b: Tensor) -> np.ndarray:
    """Whether each row of a is the nearest of its nearest."""
    cosines = a @ b.T
    back = cosines.argmax(dim=0)[cosines.argmax(dim=1)]
    return np.asarray((back == torch.arange(len(a))).numpy())


def _draws(settings: Settings, generator: torch.Generator) -> Iterator[dict[str, Any]]:
    """One row per world and view: what is observed, and what is printed beside it."""
    cells = [(world, views) for views in (1, 2) for world in DRAWN if views == 1 or world in PAIRED]
    for world, views in tqdm(cells, desc="draws", disable=None):
        pairs = []
        for _ in range(settings.pairs):
            a, b = (_run_of(world, views, settings, generator) for _ in range(2))
            draws = [
                NULLS["geometry"].draw_each_view(a, b, generator=generator)
                for _ in range(settings.n_draws)
            ]
            null = {v: np.mean([_greedy(x[v], y[v]) for x, y in draws]) for v in a}
            moved = {v: np.mean([_own_draw(b[v], y[v]) for _, y in draws]) for v in a}
            pairs.append({v: (_greedy(a[v], b[v]), null[v], moved[v]) for v in a})
        for view in pairs[0]:
            observed, printed, moved_by = np.array([pair[view] for pair in pairs]).T
            excess = observed - printed
            error = excess.std(ddof=1) / np.sqrt(len(excess))
            yield {
                "world": world,
                "view": view if views == 2 else "alone",
                "observed": observed.mean(),
                "null": printed.mean(),
                "excess": excess.mean(),
                "standard_error": error,
                "own_draw": moved_by.mean(),
                "within": abs(excess.mean()) < min(4 * error, 0.003),
            }


def _run_of(
    world: str, views: int, settings: Settings, generator: torch.Generator
) -> dict[str, Tensor]:
    """The views of one run: the second is half the first's row, half one of its own."""
    rows, other = (DRAWN[world](*settings.pair_size, generator=generator) for _ in range(2))
    if views == 1:
        return {"decoder": rows}
    return {"decoder": rows, "encoder": normalize(rows + other, dim=1)}


def _greedy(a: Tensor, b: Tensor) -> float:
    return float((normalize(a, dim=1) @ normalize(b, dim=1).T).max(dim=1).values.mean())


def _own_draw(rows: Tensor, drawn: Tensor) -> float:
    return float(torch.cosine_similarity(rows, drawn, dim=1).median())


def super_uniformity(single: pd.DataFrame, levels: tuple[float, ...]) -> pd.DataFrame:
    """Mean share of p-values at most each level, and whether it is at most the level.

    The standard error is over repeats: latents of one repeat count as one.
    """
    columns = [f"{level:g}" for level in levels]
    keys = [key for key in ("world", "null", "grouping", "decile") if key in single]
    long = single.melt(keys, columns, var_name="level", value_name="share")
    table = long.groupby([*keys, "level"], sort=False)["share"]
    summary = table.agg(share="mean", standard_error="sem", repeats="size").reset_index()
    excess = summary["share"] - summary["level"].astype(float)
    return summary.assign(super_uniform=excess <= 3 * summary["standard_error"]).round(6)


def rejections(single: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """In how many repeats anything was rejected, and the one-sided 99 % bound of a rate alpha."""
    keys = [key for key in ("world", "null") if key in single]
    once = single[single["grouping"] == "all"].groupby(keys, sort=False)["rejected"]
    table = once.agg(rejections="sum", repeats="size").reset_index()
    limit = binom.ppf(0.99, table["repeats"], alpha).astype(int)
    within = table["rejections"] <= limit
    return table.assign(rate=table["rejections"] / table["repeats"], limit=limit, within=within)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=Settings.repeats)
    parser.add_argument("--mixture-repeats", type=int, default=Settings.mixture_repeats)
    given = parser.parse_args()
    run(given.out, Settings(repeats=given.repeats, mixture_repeats=given.mixture_repeats))


if __name__ == "__main__":
    main()
