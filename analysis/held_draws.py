"""Do null draws that are held whole say what exact matchings of the same draws say?

Run as `python -m analysis.held_draws --out analysis/results/held_draws`.

The `geometry` null of the two shipped seeds, drawn anew 16 times: each draw is matched as `compare`
does it, held in float32 and assigned to within .00001, and as runs are, certified to 1e-9. Writes
`draws.csv`, one row per draw, view and statistic, and `statistics.csv`: the means over the draws,
how far the two ways are apart at most, and how much a single draw spreads.
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

from universality.loading import load
from universality.nulls.null import find_null
from universality.runs.drawn_match import match_traits
from universality.runs.metrics import measure
from universality.runs.view_match import match_views
from universality.runs.views import Similarities, Traits, direction_views
from universality.shipped import two_seeds
from universality.storage.json_output import write_json

VIEWS = ("decoder", "encoder")
THRESHOLDS = (0.3, 0.5)


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    n_draws: int = 16
    """Draws of each view."""
    seed: int = 1
    """Of the draws."""


def run(out: Path, settings: Settings) -> None:
    """Draw, match both ways, and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    draws = pd.DataFrame(_draws(settings))
    draws.to_csv(out / "draws.csv", index=False, float_format="%.9f")
    of_statistic(draws, settings).to_csv(out / "statistics.csv", index=False, float_format="%.9f")
    command = "python -m analysis.held_draws --out analysis/results/held_draws"
    write_json({"command": command} | asdict(settings), out / "settings.json")


def of_statistic(draws: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Means over draws both ways, the largest difference of one draw, and the spread of one."""
    rows = []
    for (view, statistic), some in draws.groupby(["view", "statistic"], sort=False):
        rows.append(
            {
                "view": view,
                "statistic": statistic,
                "held": some["held"].mean(),
                "exact": some["exact"].mean(),
                "apart_at_most": (some["held"] - some["exact"]).abs().max(),
                "sd_of_one_draw": some["exact"].std(ddof=1),
                "n_draws": settings.n_draws,
            }
        )
    return pd.DataFrame(rows)


def _draws(settings: Settings) -> Iterator[dict[str, Any]]:
    views = direction_views(VIEWS, device=torch.device("cpu"))
    a, b = ({view: run.directions(view) for view in VIEWS} for run in map(load, two_seeds()))
    seeds = np.random.SeedSequence(settings.seed).generate_state(settings.n_draws).tolist()
    for number, seed in enumerate(tqdm(seeds, disable=None)):
        generator = torch.Generator().manual_seed(seed)
        pair = [
            Traits(run) for run in find_null("geometry").draw_each_view(a, b, generator=generator)
        ]
        held = measure(match_traits(views, *pair), THRESHOLDS)
        exact = measure(match_views(Similarities(views, *pair), progress=False, k=1), THRESHOLDS)
        for (view, statistic), value in held.averages.items():
            if view in VIEWS:
                about = {"draw": number, "view": view, "statistic": statistic}
                yield about | {"held": value, "exact": exact.averages[view, statistic]}
        for (view, rule), shares in held.shares.items():
            for at, share, known in zip(THRESHOLDS, shares, exact.shares[view, rule], strict=True):
                if view in VIEWS:
                    about = {"draw": number, "view": view, "statistic": f"{rule} share at {at}"}
                    yield about | {"held": share, "exact": known}


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
