"""What statistics of the arrangement of pairs give where there is nothing, or one thing, in common.

Run as `python -m analysis.arrangement_nulls --out analysis/results/arrangement_nulls`.

Writes `independent.csv`: independent unit rows of widths 512 and 768, each statistic in sample as
the literature computes it, beside the published value, and as this package does; `shared.csv`: one
direction of 512 in common, at several numbers of components; `matched.csv`: over many worlds of two
independent dictionaries whose rows were matched by cosine, how often each statistic is called
significant at .05 against pairs shuffled after matching, and against a rotated dictionary that is
matched anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from universality.errors import InvalidInputError
from universality.matching import match
from universality.nulls.rotation import haar, unit_rows
from universality.pair_geometry.arrangement import similarity_of_arrangement
from universality.pair_geometry.canonical import (
    canonical_correlations,
    cross_validated_cca,
    leading_components,
    n_explaining,
    svcca,
)
from universality.pair_geometry.geometry_reading import read_geometry
from universality.pair_geometry.kernel_alignment import cka, debiased_cka
from universality.pair_geometry.orthogonal_fit import held_out_procrustes, procrustes
from universality.storage.json_output import write_json


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    widths: tuple[int, int] = (512, 768)
    """Of the independent rows."""
    draws: tuple[tuple[int, int], ...] = (
        *((200, 32), (500, 8), (1_000, 6)),
        *((2_000, 4), (5_000, 2), (20_000, 1)),
    )
    """Numbers of pairs, and how often each is drawn."""
    most_ranked: int = 2_000
    """Pairs up to which RSA is computed."""
    explained: float = 0.99
    """Share of variance that the literature's SVCCA keeps."""
    shared_pairs: int = 4_000
    """Pairs of rows that have one direction in common."""
    shared_width: int = 512
    """Dimensions of those."""
    shared_length: float = 6.0
    """Standard deviation along it; 1 along every other."""
    components: tuple[int, ...] = (1, 5, 10, 20, 50)
    """Numbers of components for those."""
    n_worlds: int = 200
    """Worlds of two dictionaries that were matched."""
    world: tuple[int, int] = (128, 32)
    """Latents and dimensions of each dictionary."""
    world_components: int = 5
    """Components compared there."""
    n_draws: int = 19
    """Draws of both nulls in each world."""
    seed: int = 0
    """Seed of everything drawn."""


PUBLISHED = {
    "svcca_99": (0.969, 0.923, 0.774, 0.563, 0.355, 0.177),
    "cka": (0.752, 0.553, 0.385, 0.238, 0.111, 0.030),
    "debiased_cka": (0.0,) * 6,
    "rsa": (0.0,) * 4,
    "procrustes": (0.917, 0.793, 0.610, 0.446, 0.287, 0.145),
}
"""By statistic, in the order of the numbers of pairs: single draws that were noted before this."""


def run(out: Path, settings: Settings) -> None:
    """Draw and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    command = "python -m analysis.arrangement_nulls --out analysis/results/arrangement_nulls"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    for name, made in (
        ("shared", _shared(settings)),
        ("matched", _matched(settings)),
        ("independent", _independent(settings)),
    ):
        table = pd.DataFrame(made)
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.4f")
        print(table.to_string(index=False))


def _independent(settings: Settings) -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(settings.seed)
    for place, (n, draws) in enumerate(settings.draws):
        rows = [
            _in_sample(n, settings, generator)
            for _ in tqdm(range(draws), desc=f"independent, n = {n}", disable=None)
        ]
        for name in rows[0]:
            values = [row[name] for row in rows]
            if not np.isnan(values).all():
                noted = PUBLISHED.get(name, ())
                yield {
                    "n_pairs": n,
                    "statistic": name,
                    "mean": np.mean(values),
                    "sd": np.std(values, ddof=1) if draws > 1 else np.nan,
                    "draws": draws,
                    "noted": noted[place] if place < len(noted) else np.nan,
                }


def _in_sample(n: int, settings: Settings, generator: np.random.Generator) -> dict[str, float]:
    x, y = (_unit(generator.normal(size=(n, d))) for d in settings.widths)
    k_x, k_y = (n_explaining(rows, settings.explained, "rows") for rows in (x, y))
    of_x, of_y = (
        leading_components(rows, k, "rows").whitened(rows) for rows, k in ((x, k_x), (y, k_y))
    )
    return {
        "svcca_99": float(np.linalg.svd(of_x.T @ of_y, compute_uv=False).clip(0, 1).mean()),
        "k_x": k_x,
        "k_y": k_y,
        "cka": cka(x, y),
        "procrustes": procrustes(x, y),
        "rsa": similarity_of_arrangement(x, y) if n <= settings.most_ranked else np.nan,
        "debiased_cka": debiased_cka(x, y),
        "svcca_20": svcca(x, y, n_components=20),
        "cross_validated_cca_20": cross_validated_cca(x, y, generator=generator, n_components=20),
        "held_out_procrustes": held_out_procrustes(x, y, generator=generator),
    }


def _shared(settings: Settings) -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(settings.seed)
    n, d = settings.shared_pairs, settings.shared_width
    along = settings.shared_length * generator.normal(size=(n, 1))
    x, y, apart = (_with_direction(along, d, generator) for _ in range(3))
    apart = apart[generator.permutation(n)]
    for k in settings.components:
        yield {
            "n_pairs": n,
            "n_components": k,
            "one_over_k": 1 / k,
            "cross_validated_cca": cross_validated_cca(x, y, generator=generator, n_components=k),
            "cross_validated_cca_null": cross_validated_cca(
                x, apart, generator=generator, n_components=k
            ),
            "svcca": float(canonical_correlations(x, y, (k, k)).mean()),
            "svcca_null": float(canonical_correlations(x, apart, (k, k)).mean()),
        }


def _with_direction(along: np.ndarray, d: int, generator: np.random.Generator) -> np.ndarray:
    direction = _unit(generator.normal(size=(1, d)))
    rest = generator.normal(size=(len(along), d))
    return rest - (rest @ direction.T) @ direction + along @ direction


def _matched(settings: Settings) -> Iterator[dict[str, Any]]:
    generator = torch.Generator().manual_seed(settings.seed)
    worlds = tqdm(range(settings.n_worlds), desc="matched", disable=None)
    found = [_world(settings, generator) for _ in worlds]
    for name in found[0]:
        values = np.array([one[name] for one in found])
        yield {
            "statistic": name,
            "worlds": settings.n_worlds,
            "mean": values[:, 0].mean(),
            "called_by_shuffling": float((values[:, 1] <= 0.05).mean()),
            "called_by_matching_anew": float((values[:, 2] <= 0.05).mean()),
        }


def _world(settings: Settings, generator: torch.Generator) -> dict[str, tuple[float, float, float]]:
    """By statistic: its value, its p against shuffled pairs, and against pairs matched anew."""
    n, d = settings.world
    a, b = (unit_rows(n, d, generator=generator) for _ in "ab")
    x, y = _paired(a, b)
    observed = _read(x, y, settings)
    shuffled, anew = [], []
    for _ in range(settings.n_draws):
        shuffled.append(_read(x, y[torch.randperm(n, generator=generator).numpy()], settings))
        turned = b @ haar(d, generator=generator)
        anew.append(_read(*_paired(a, turned), settings))
    return {
        name: (value, *(_p(value, [draw[name] for draw in null]) for null in (shuffled, anew)))
        for name, value in observed.items()
    }


def _paired(a: torch.Tensor, b: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    found = match(a, b)
    return a[found.a].double().numpy(), b[found.b].double().numpy()


def _read(x: np.ndarray, y: np.ndarray, settings: Settings) -> dict[str, float]:
    readings = read_geometry(x, y, n_components=settings.world_components)
    if any(one.undefined for one in readings):
        raise InvalidInputError(f"worlds of {settings.world} are too small for the statistics")
    return {one.statistic: one.value for one in readings}


def _p(value: float, draws: list[float]) -> float:
    return (1 + sum(draw >= value for draw in draws)) / (1 + len(draws))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
