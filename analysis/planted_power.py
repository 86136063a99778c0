"""What the filters find, and find falsely, at a realistic size: real dictionaries, planted latents.

Run as `python -m analysis.planted_power --out analysis/results/planted_power`.

Run A is a shipped decoder (2,304 x 576); run B is another seed's, turned by the geometry null, so
that it shares nothing, with a part of A's latents planted in it at a known cosine. A's latents have
siblings, as real ones do: a latent that was not planted may lie near one that was. Writes
`power.csv`, one row per planted share and cosine: false discovery proportion and power of the
nearest latent's p-value alone (`nearest`), of `above_chance`, which leaves out what a sibling
explains, and of targets and decoys (`beyond_own`); and `clusters.csv`, the same for synthetic rows
in clusters of near-duplicates.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from universality.loading import load
from universality.nulls.null import NULLS
from universality.nulls.rotation import rows_at_cosine
from universality.nulls.significance import nearest_p_values, q_values, without_siblings
from universality.nulls.target_decoy import decoys_per_target
from universality.storage.json_output import write_json
from universality.synthetic import make_directions

_RUNS = Path("pretrained/smollm2-135m.blocks.8.hook_resid_post")
_CLUSTERS: dict[str, Any] = {"mean_share": 0.03, "spectrum": 0.75, "cluster_size": 8}


@final
@dataclass(frozen=True)
class Settings:
    """Everything that decides the tables."""

    fractions: tuple[float, ...] = (0.01, 0.05, 0.5)
    """Planted shares."""
    cosines: tuple[float, ...] = (0.3, 0.35, 0.4, 0.5, 0.7, 0.95)
    """Planted cosines."""
    repeats: int = 4
    """Turned runs per cell."""
    sibling_cells: tuple[tuple[float, float], ...] = ((0.5, 0.7), (0.5, 0.95))
    """Cells that are repeated more often, to measure false discoveries."""
    sibling_repeats: int = 20
    """How often."""
    cluster_shares: tuple[float, ...] = (0.7, 0.9)
    """Squared cosine of a row with the centre of its cluster."""
    cluster_repeats: int = 20
    """Pairs of clustered runs (512 x 64) per cell."""
    alpha: float = 0.05
    """Level of all filters."""
    seed: int = 0
    """Seed of everything drawn."""


def run(out: Path, settings: Settings) -> None:
    """Plant, look, and write the tables into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(settings.seed)
    a, b = (normalize(load(_RUNS / name).directions("decoder").float(), dim=1) for name in _NAMES)

    def turned() -> tuple[Tensor, Tensor]:
        return a, NULLS["geometry"].draw({"x": a}, {"x": b}, generator=generator)[1]["x"]

    rows = []
    for fraction in settings.fractions:
        for cosine in tqdm(settings.cosines, desc=f"{fraction:.0%} planted", disable=None):
            often = (fraction, cosine) in settings.sibling_cells
            repeats = settings.sibling_repeats if often else settings.repeats
            rows.append(_cell(turned, fraction, cosine, repeats, settings.alpha, generator))
    pd.DataFrame(rows).to_csv(out / "power.csv", index=False, float_format="%.5f")
    rows = []
    for share in settings.cluster_shares:

        def clustered(share: float = share) -> tuple[Tensor, Tensor]:
            first, second = (
                make_directions(512, 64, generator=generator, cluster_share=share, **_CLUSTERS)
                for _ in range(2)
            )
            return first, second

        for fraction in (0.05, 0.5):
            found = _cell(
                clustered, fraction, 0.9, settings.cluster_repeats, settings.alpha, generator
            )
            rows.append({"cluster_share": share} | found)
    pd.DataFrame(rows).to_csv(out / "clusters.csv", index=False, float_format="%.5f")
    command = "python -m analysis.planted_power --out analysis/results/planted_power"
    write_json({"command": command} | asdict(settings), out / "settings.json")


_NAMES = ("w2304-s0", "w2304-s1")


def _cell(
    draw: Callable[[], tuple[Tensor, Tensor]],
    fraction: float,
    cosine: float,
    repeats: int,
    alpha: float,
    generator: torch.Generator,
) -> dict[str, Any]:
    """One row: means over the repeats, with standard errors."""
    pairs = []
    for _ in range(repeats):
        a, b = draw()
        n = len(a)
        planted = torch.randperm(n, generator=generator)[: round(fraction * n)]
        places = torch.randperm(n, generator=generator)[: len(planted)]
        b = b.clone()
        b[places] = rows_at_cosine(a[planted], cosine, generator=generator)
        shared = np.zeros(n, dtype=bool)
        shared[planted.numpy()] = True
        pairs.append(_found(a, b, shared, alpha))
    table = pd.DataFrame(pairs)
    errors = table.sem().add_suffix("_error")
    about = {"fraction": fraction, "cosine": cosine, "repeats": repeats}
    return about | table.mean().to_dict() | errors.to_dict()


def _found(a: Tensor, b: Tensor, shared: np.ndarray, alpha: float) -> dict[str, float]:
    across = a @ b.T
    nearest = across.max(dim=1)
    mutual = (across.max(dim=0).indices[nearest.indices] == torch.arange(len(a))).numpy()
    similarity = nearest.values.double().numpy()
    own = (a @ a.T).fill_diagonal_(-torch.inf).max(dim=1).values.double().numpy()
    p = nearest_p_values("geometry", a, b, similarity)
    calls = {
        "nearest": q_values(p) <= alpha,
        "above_chance": q_values(without_siblings(p, mutual)) <= alpha,
        "beyond_own": decoys_per_target(similarity - own) <= alpha,
    }
    found = {}
    for name, called in calls.items():
        found[f"{name}_false"] = (called & ~shared).sum() / max(1, called.sum())
        found[f"{name}_power"] = called[shared].mean()
    return found


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    run(parser.parse_args().out, Settings())


if __name__ == "__main__":
    main()
