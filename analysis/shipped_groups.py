"""Groups of latents in which two shipped seeds agree although no two latents do.

Run as `python -m analysis.shipped_groups --out analysis/results/shipped_groups`.

Writes `groups.json`: of the decoder latents of two seeds, how many have no partner at the
threshold, and of these how many lie in groups that are above chance and whose spans agree, beside
what the draws have; and the ten most surprising groups.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from universality.loading import load
from universality.nulls.group_chance import groups_beside_chance, same_pairs
from universality.shipped import shipped_folder
from universality.storage.json_output import write_json


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the numbers."""

    pair: tuple[str, str] = ("w2304-s0", "w2304-s1")
    """Names of shipped runs."""
    threshold: float = 0.7
    """From which latents are the same, and spans agree."""
    n_draws: int = 19
    """Draws of the geometry null."""
    seed: int = 0
    """Seed of the draws."""


def run(out: Path, settings: Settings) -> None:
    """Find the groups and write what they hold into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    a, b = (load(shipped_folder() / name).directions("decoder").float() for name in settings.pair)
    t = settings.threshold
    beside = groups_beside_chance(
        a, b, threshold=t, n_draws=settings.n_draws, seed=settings.seed, progress=True
    )
    found, n_same = beside.found(), len(same_pairs(a, b, t)[0])
    said: dict[str, Any] = {
        "n_same": n_same,
        "n_left_a": len(a) - n_same,
        "n_left_b": len(b) - n_same,
        "n_groups_looked_at": len(beside.groups),
        "n_groups": len(found),
        "mean_groups_in_a_draw": beside.agreeing_in_draws,
        "members_a": sum(len(group.a) for group in found),
        "members_b": sum(len(group.b) for group in found),
        "reached_a": sum(int((group.reach_a >= t).sum()) for group in found),
        "reached_b": sum(int((group.reach_b >= t).sum()) for group in found),
        "best_of_draws": beside.best_of_draws.tolist(),
        "best": [
            {"a": one.a.tolist(), "b": one.b.tolist(), "cosine": one.cosine, "score": one.score}
            for one in found[:10]
        ],
    }
    command = f"python -m analysis.shipped_groups --out {out}"
    write_json({"command": command} | asdict(settings) | said, out / "groups.json")
    print({name: value for name, value in said.items() if name.startswith(("n_", "m", "r"))})


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
