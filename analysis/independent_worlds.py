"""Which statistic stays at its level when two runs share nothing, and which is fooled by what?

Run as `python -m analysis.independent_worlds --out analysis/results/independent_worlds`.

Every world is a way in which two independent runs may be alike without sharing a latent. Writes
`directions.csv` and `activations.csv`, one row per world: what is observed, what is printed beside
it (the null, and the floor of a run matched to itself), and what the two filters call (above
chance, and beyond the own run by targets and decoys). `holds` names the statistics that stay at
their level in the world, `fails` those that do not:

`printed null`: the shares printed at .5 and .7 are at least the observed ones, up to .01 and to
three standard errors over pairs; `own run`: those of the run matched to itself are, too; `above
chance` and `target-decoy`: something is called in no more pairs than a rate of 5 % gives with 99 %
probability.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, final

import numpy as np
import pandas as pd
import torch
from scipy.stats import binom
from torch import Tensor
from tqdm import tqdm

from universality.codes import from_batches, rearrange_tokens
from universality.matching import assign, find_candidates, match_within
from universality.nulls.coincidence import activation_p_bounds
from universality.nulls.null import NULLS
from universality.nulls.significance import nearest_p_values, q_values, without_siblings
from universality.nulls.target_decoy import find_beyond_own
from universality.nulls.tokens import permute_windows
from universality.runs.metrics import share_reaching
from universality.similarity import Cosine, Similarity
from universality.similarity.code_similarity import CodeSimilarity
from universality.storage.json_output import write_json
from universality.synthetic import make_directions
from universality.synthetic.firings import dense_codes, firing_codes
from universality.synthetic.geometries import (
    dominated_rows,
    repelled,
    rows_in_subspaces,
    rows_on_circle,
    tilted_rows,
)

Rows: TypeAlias = Callable[..., Tensor]

_REAL: dict[str, Any] = {"mean_share": 0.03, "spectrum": 0.75}
_THRESHOLDS = (0.5, 0.7)


def _repelled_union(n: int, d: int, *, generator: torch.Generator) -> Tensor:
    rows = rows_in_subspaces(n, d, generator=generator, n_subspaces=16, dimension=8)
    return repelled(rows)


DIRECTIONS: Mapping[str, Rows] = {
    "isotropic": make_directions,
    "mean and spectrum": partial(make_directions, **_REAL),
    "3 axes hold 60 %": partial(dominated_rows, axes=3, share=0.6),
    "1 axis holds 30 %": partial(dominated_rows, axes=1, share=0.3),
    "1 axis holds 30 %, oblique mean": partial(dominated_rows, axes=1, share=0.3, mean_share=0.3),
    "8 axes hold 50 %, oblique mean": partial(dominated_rows, axes=8, share=0.5, mean_share=0.3),
    "power law": partial(make_directions, spectrum=1.5),
    "a power law of its own per latent": tilted_rows,
    "near-duplicates: clusters of 8 at .9": partial(
        make_directions, **_REAL, cluster_size=8, cluster_share=0.9
    ),
    "1 % confined to 4 dimensions": partial(make_directions, **_REAL, confined=(0.01, 4)),
    "5 % confined to 8": partial(make_directions, **_REAL, confined=(0.05, 8)),
    "10 % confined to 32": partial(make_directions, **_REAL, confined=(0.1, 32)),
    "30 % confined to 8": partial(make_directions, **_REAL, confined=(0.3, 8)),
    "union of 16 subspaces of 8": partial(rows_in_subspaces, n_subspaces=16, dimension=8),
    "union of 64 subspaces of 8": partial(rows_in_subspaces, n_subspaces=64, dimension=8),
    "70 % of the energy in 16 of 8": partial(
        rows_in_subspaces, n_subspaces=16, dimension=8, share=0.7
    ),
    "10 % tile a circle": partial(rows_on_circle, fraction=0.1),
    "union of 16 of 8, latents repel": _repelled_union,
}
"""Geometries of independent runs."""

WIDE: Mapping[str, Rows] = {
    "3 axes hold 60 %": DIRECTIONS["3 axes hold 60 %"],
    "1 % confined to 4 dimensions": DIRECTIONS["1 % confined to 4 dimensions"],
    "union of 64 subspaces of 8": DIRECTIONS["union of 64 subspaces of 8"],
}
"""Those also drawn at a realistic size."""


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    n: int = 256
    """Latents per run in `directions.csv`."""
    d: int = 64
    """Dimensions."""
    repeats: int = 30
    """Pairs of independent runs per world."""
    wide: tuple[int, int] = (2304, 576)
    """Latents and dimensions of the worlds at a realistic size."""
    wide_repeats: int = 3
    """Pairs of these."""
    n_draws: int = 4
    """Draws of the null beside each pair."""
    n_firing: int = 200
    """Latents per run in `activations.csv`."""
    n_documents: int = 64
    """Documents."""
    length: int = 64
    """Tokens of each."""
    firing_repeats: int = 20
    """Pairs of independent runs per world of activations."""
    alpha: float = 0.05
    """Level of both filters."""
    seed: int = 0
    """Seed of everything drawn."""

    @property
    def documents(self) -> np.ndarray:
        """Document of each token."""
        return np.repeat(np.arange(self.n_documents), self.length)


def run(
    out: Path, settings: Settings, tables: Sequence[str] = ("directions", "activations")
) -> None:
    """Draw every world, and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for name in tables:
        rows = {"directions": _direction_worlds, "activations": _firing_worlds}[name](settings)
        table = pd.DataFrame(rows)
        last = ["holds", "fails"]
        table = table[[column for column in table if column not in last] + last]
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.5f")
    command = (
        "python -m analysis.independent_worlds --out analysis/results/independent_worlds "
        f"--repeats {settings.repeats} --wide-repeats {settings.wide_repeats} "
        f"--firing-repeats {settings.firing_repeats}"
    )
    write_json({"command": command} | asdict(settings), out / "settings.json")


def _direction_worlds(settings: Settings) -> Iterator[dict[str, Any]]:
    generator = torch.Generator().manual_seed(settings.seed)
    small = (settings.n, settings.d)
    sizes = [(world, small, settings.repeats) for world in DIRECTIONS]
    sizes += [(world, settings.wide, settings.wide_repeats) for world in WIDE]
    for world, size, repeats in tqdm(sizes, desc="directions", disable=None):
        yield _direction_world(world, size, repeats, settings, generator)


def _firing_worlds(settings: Settings) -> Iterator[dict[str, Any]]:
    generator = torch.Generator().manual_seed(settings.seed)
    for world in tqdm(FIRINGS, desc="activations", disable=None):
        yield _firing_world(world, settings, generator)


def _direction_world(
    world: str,
    size: tuple[int, int],
    repeats: int,
    settings: Settings,
    generator: torch.Generator,
) -> dict[str, Any]:
    pairs = []
    for _ in range(repeats):
        a, b = (DIRECTIONS[world](*size, generator=generator) for _ in range(2))
        drawn = [
            NULLS["geometry"].draw({"x": a}, {"x": b}, generator=generator)
            for _ in range(settings.n_draws)
        ]
        nearest = find_candidates(Cosine.between(a, b), progress=False)
        similarity = nearest.of_a.nearest_similarity
        p = nearest_p_values("geometry", a, b, similarity)
        nulls = [Cosine.between(x["x"], y["x"]) for x, y in drawn]
        found = _pair(Cosine.between(a, b), Cosine.between(a, a), nulls, p, settings)
        moved = [torch.cosine_similarity(b, y["x"], dim=1).median() for _, y in drawn]
        pairs.append(found | {"own_draw": float(np.mean(moved))})
    about = {"world": world, "n": size[0], "d": size[1], "pairs": repeats}
    return about | _over_pairs(pairs, settings)


def _pair(
    across: Similarity,
    within: Similarity,
    nulls: list[Any],
    p: np.ndarray,
    settings: Settings,
) -> dict[str, float]:
    """Every statistic of one pair of runs; p is NaN where a bound says nothing."""
    near = find_candidates(across, progress=False)
    matching = assign(across, candidates=near, progress=False)
    own = match_within(within, progress=False)
    drawn = [assign(one, progress=False).similarity for one in nulls]
    greedy = [find_candidates(one, progress=False).of_a.nearest_similarity for one in nulls]
    beyond = find_beyond_own(across, near.of_a, lambda: within, own.near)
    above = q_values(np.nan_to_num(without_siblings(p, near.mutual), nan=1.0)) <= settings.alpha
    called = beyond.decoys_per_target <= settings.alpha
    found = {
        "greedy_mean": float(near.of_a.nearest_similarity.mean()),
        "null_greedy_mean": float(np.mean([one.mean() for one in greedy])),
        "above_chance": float(above.mean()),
        "nearer_than_own": float(beyond.nearer.mean()),
        "beyond_own": float(called.mean()),
        "any_above_chance": float(above.any()),
        "any_beyond_own": float(called.any()),
    }
    shares = {
        "observed": share_reaching(matching.similarity, _THRESHOLDS),
        "null": np.mean([share_reaching(one, _THRESHOLDS) for one in drawn], axis=0),
        "own_run": share_reaching(own.matching.similarity, _THRESHOLDS),
    }
    return found | {
        f"{name}_at_{threshold:g}": float(share)
        for name, values in shares.items()
        for threshold, share in zip(_THRESHOLDS, values, strict=True)
    }


def _over_pairs(pairs: list[dict[str, float]], settings: Settings) -> dict[str, Any]:
    """Means over pairs of runs, and which statistics stay at their level."""
    table = pd.DataFrame(pairs)
    excess = table["greedy_mean"] - table["null_greedy_mean"]
    limit = binom.ppf(0.99, len(table), settings.alpha)
    holds = {
        "printed null": _covers(table, "null"),
        "own run": _covers(table, "own_run"),
        "above chance": table["any_above_chance"].sum() <= limit,
        "target-decoy": table["any_beyond_own"].sum() <= limit,
    }
    return table.mean().to_dict() | {
        "greedy_excess": excess.mean(),
        "greedy_excess_error": excess.sem(),
        "holds": ", ".join(name for name, held in holds.items() if held),
        "fails": ", ".join(name for name, held in holds.items() if not held),
    }


def _covers(table: pd.DataFrame, name: str) -> bool:
    short = [table[f"observed_at_{t:g}"] - table[f"{name}_at_{t:g}"] for t in _THRESHOLDS]
    return all(one.mean() <= 0.01 + 3 * np.nan_to_num(one.sem()) for one in short)


def _token_norms(settings: Settings) -> Tensor:
    """One token in a hundred has forty times the norm of the others, the same ones in all runs."""
    generator = torch.Generator().manual_seed(settings.seed + 1)
    rare = torch.rand(settings.documents.size, generator=generator) < 0.01
    return torch.where(rare, 40.0, 1.0)


def _sparse(settings: Settings, generator: torch.Generator, **options: Any) -> Tensor:
    return firing_codes(settings.n_firing, settings.documents, generator=generator, **options)


def _dense(settings: Settings, generator: torch.Generator, memory: float) -> Tensor:
    n_tokens = settings.documents.size
    return dense_codes(settings.n_firing, n_tokens, generator=generator, memory=memory)


def _on_heavy_tokens(settings: Settings, generator: torch.Generator) -> Tensor:
    return _sparse(settings, generator, token_norms=_token_norms(settings))


def _dense_on_heavy_tokens(settings: Settings, generator: torch.Generator) -> Tensor:
    return _dense(settings, generator, 0.0) * _token_norms(settings)[:, None]


FIRINGS: Mapping[str, Callable[[Settings, torch.Generator], Tensor]] = {
    "Zipf frequencies": _sparse,
    "topics": partial(_sparse, topics=1.5),
    "bursts of up to 5 tokens": partial(_sparse, longest_burst=5),
    "bursts of up to 40 tokens": partial(_sparse, longest_burst=40),
    "a fifth locked to place 0": partial(_sparse, locked=0.2, place=0),
    "a fifth locked to place 20": partial(_sparse, locked=0.2, place=20),
    "a fifth locked to place 40": partial(_sparse, locked=0.2, place=40),
    "dense, memory .9": partial(_dense, memory=0.9),
    "dense, memory .995": partial(_dense, memory=0.995),
    "heavy tokens": _on_heavy_tokens,
    "dense on heavy tokens": _dense_on_heavy_tokens,
}
"""Ways in which independent latents fire."""


def _firing_world(world: str, settings: Settings, generator: torch.Generator) -> dict[str, Any]:
    pairs = list(_firing_pairs(world, settings, generator))
    about = {"world": world, "n": settings.n_firing, "tokens": settings.documents.size}
    return about | {"pairs": len(pairs)} | _over_pairs(pairs, settings)


def _firing_pairs(
    world: str, settings: Settings, generator: torch.Generator
) -> Iterator[dict[str, float]]:
    documents = settings.documents
    for _ in range(settings.firing_repeats):
        a, b = (
            from_batches([FIRINGS[world](settings, generator)], settings.n_firing) for _ in "ab"
        )
        nulls = []
        for _ in range(settings.n_draws):
            rows_a, rows_b = permute_windows(documents, generator=generator)
            moved = rearrange_tokens(a, rows_a), rearrange_tokens(b, rows_b)
            nulls.append(_correlation(*moved))
        across = _correlation(a, b)
        near = find_candidates(across, progress=False)
        bound, _ = activation_p_bounds(a, b, (near.of_a, near.of_b), documents)
        yield _pair(across, _correlation(a, a), nulls, bound, settings)


def _correlation(a: Any, b: Any) -> CodeSimilarity:
    return CodeSimilarity.between(a, b, "pearson", progress=False)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=Settings.repeats)
    parser.add_argument("--wide-repeats", type=int, default=Settings.wide_repeats)
    parser.add_argument("--firing-repeats", type=int, default=Settings.firing_repeats)
    parser.add_argument("--only", choices=("directions", "activations"))
    given = parser.parse_args()
    settings = Settings(
        repeats=given.repeats,
        wide_repeats=given.wide_repeats,
        firing_repeats=given.firing_repeats,
    )
    run(given.out, settings, [given.only] if given.only else ("directions", "activations"))


if __name__ == "__main__":
    main()
