"""How often the best group of two runs that share none is called above chance.

Run as `python -m analysis.group_calibration WORLD --out analysis/results/group_calibration`.

Small worlds of two runs: `independent`, or `half_shared`, half of the latents in both and the rest
independent. Writes `WORLD.json`: how often the p-value of the best group, whose null is the best
group of each matched and grouped draw, is at most .05. Shared pairs are no group, and a draw has
none of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias, final

import torch
from torch import Tensor

from universality.nulls.group_chance import groups_beside_chance
from universality.storage.json_output import write_json

World: TypeAlias = Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the table."""

    n: int = 40
    """Latents of each run."""
    d: int = 24
    """Dimensions."""
    n_worlds: int = 200
    """Pairs of runs of each kind."""
    n_draws: int = 99
    """Draws of the null for each."""
    seed: int = 0
    """Seed of the worlds."""


def _rows(n: int, d: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, d, generator=generator, dtype=torch.float32)


def independent(n: int, d: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two runs from everywhere."""
    return _rows(n, d, generator), _rows(n, d, generator)


def half_shared(n: int, d: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Half of the latents in both runs, the rest independent."""
    both = _rows(n // 2, d, generator)
    a, b = (torch.cat([both, _rows(n - n // 2, d, generator)]) for _ in (0, 1))
    return a, b


WORLDS: dict[str, World] = {
    "independent": independent,
    "half_shared": half_shared,
}


def run(world: str, out: Path, settings: Settings) -> None:
    """Make all worlds of one kind and write what was found into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    p = [_best(WORLDS[world], number, settings) for number in range(settings.n_worlds)]
    found = {
        "p_at_most_05": sum(one <= 0.05 for one in p) / len(p),
        "p_at_most_25": sum(one <= 0.25 for one in p) / len(p),
        "mean_p": sum(p) / len(p),
    }
    command = f"python -m analysis.group_calibration {world} --out {out}"
    write_json({"command": command} | asdict(settings) | found, out / f"{world}.json")


def _best(world: World, number: int, settings: Settings) -> float:
    generator = torch.Generator().manual_seed(settings.seed + number)
    a, b = world(settings.n, settings.d, generator)
    found = groups_beside_chance(a, b, n_draws=settings.n_draws, seed=number)
    return float(found.p[0]) if found.groups else 1.0


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world", choices=list(WORLDS))
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    run(asked.world, asked.out, Settings())


if __name__ == "__main__":
    main()
