"""Song et al. (2505.20254) retrained: does agreement between seeds track the ground truth?

Run as `python -m analysis.song_recipe --out analysis/results/song_recipe`.

32 features in 16 dimensions, tokens of three features each, five seeds per variant: their TopK, and
their standard (ReLU) autoencoder with its decoder left free, as in their notebooks, and with unit
decoder rows. Writes `scores.csv`: GT-MCC (assignment to the truth), PW-MCC (assignment between
seeds), each with the mean and standard deviation over seeds or pairs, beside the drawn null.
Interrupted, it goes on with the next variant; a variant takes 4 to 9 minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import trange

from universality.matching import match
from universality.nulls.rotation import unit_rows
from universality.storage.json_output import write_json

VARIANTS = {
    "topk, unit decoder": {"k": 3, "unit": True},
    "standard, free decoder": {"k": None, "unit": False},
    "standard, unit decoder": {"k": None, "unit": True},
}

_COLUMNS = ["variant", "step", "mse", "gt_mcc", "gt_mcc_sd", "pw_mcc", "pw_mcc_sd", "null"]


@final
@dataclass(frozen=True)
class Settings:
    """The recipe; defaults are the published one."""

    n_features: int = 32
    """Features, and latents of every autoencoder."""
    d_in: int = 16
    """Dimensions of a token."""
    n_tokens: int = 50_000
    """Tokens."""
    active: int = 3
    """Distinct features per token, each with a weight |N(0, 1)|."""
    data_seed: int = 42
    """NumPy seed of truth and tokens."""
    seeds: tuple[int, ...] = (42, 43, 44, 45, 46)
    """Torch seeds of the initial weights."""
    learning_rate: float = 1e-4
    """Of Adam."""
    l1: float = 1e-2
    """Weight of the L1 norm of the codes, summed over latents; TopK keeps it."""
    batch_size: int = 4096
    """Tokens per step."""
    steps: int = 30_000
    """Steps of a run."""
    scored: tuple[int, ...] = (1_000, 3_000, 10_000, 20_000, 30_000)
    """Steps at which dictionaries are scored."""


def run(out: Path, settings: Settings) -> None:
    """Train every variant and write the table into `out`; variants already there are kept."""
    out.mkdir(parents=True, exist_ok=True)
    command = f"python -m analysis.song_recipe --steps {settings.steps} --out {out}"
    write_json({"command": command} | asdict(settings), out / "settings.json")
    truth, tokens = make_data(settings)
    null, table = _null(settings), _kept(out / "scores.csv")
    for name, variant in VARIANTS.items():
        if settings.steps in table[table["variant"] == name]["step"].to_numpy():
            continue
        scores = pd.DataFrame(train(truth, tokens, settings, name=name, **variant))
        own = scores.assign(variant=name, null=null)[_COLUMNS]
        table = pd.concat([table[table["variant"] != name], own], ignore_index=True)
        table.to_csv(out / "scores.csv", index=False, float_format="%.4f")
    print(table.to_string(index=False, float_format="%.3f"))


def _kept(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=_COLUMNS)


def make_data(settings: Settings) -> tuple[Tensor, Tensor]:
    """The true directions and the tokens, from NumPy's global generator as published."""
    state = np.random.RandomState(settings.data_seed)
    truth = state.randn(settings.n_features, settings.d_in)
    truth /= np.linalg.norm(truth, axis=1, keepdims=True)
    tokens = np.empty((settings.n_tokens, settings.d_in))
    for token in tokens:
        active = state.choice(settings.n_features, settings.active, replace=False)
        token[:] = np.abs(state.randn(settings.active)) @ truth[active]
    return torch.from_numpy(truth).float(), torch.from_numpy(tokens).float()


def train(
    truth: Tensor, tokens: Tensor, settings: Settings, *, name: str, k: int | None, unit: bool
) -> Iterator[dict[str, Any]]:
    """One row of scores per scored step; all seeds are trained side by side, latents first."""
    decoder, encoder = _initial(settings, unit_rows_at_start=k is not None)
    b_enc = torch.zeros(len(settings.seeds), settings.n_features, 1, requires_grad=True)
    b_dec = torch.zeros(len(settings.seeds), settings.d_in, 1, requires_grad=True)
    optimizer = torch.optim.Adam([decoder, encoder, b_enc, b_dec], lr=settings.learning_rate)
    batches = _batches(tokens, settings)
    for step in trange(1, settings.steps + 1, desc=name, disable=None):
        x = next(batches)
        codes = (encoder @ x + b_enc).relu()
        if k is not None:
            codes = codes * (codes.detach() >= _kth_largest(codes.detach(), k))
        errors = (decoder.mT @ codes + b_dec - x).square().mean(dim=(1, 2))
        penalties = settings.l1 * codes.sum(dim=1).mean(dim=1)
        (errors + penalties).sum().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if unit:
            with torch.no_grad():
                decoder /= decoder.norm(dim=2, keepdim=True)
        if step in settings.scored:
            mse = float(errors.detach().mean())
            yield {"step": step, "mse": mse} | _scores(decoder.detach(), truth)


def _initial(settings: Settings, *, unit_rows_at_start: bool) -> tuple[Tensor, Tensor]:
    """Decoder rows by seed, of norm 1 (TopK) or .1, and the encoder equal to them."""
    rows = []
    for seed in settings.seeds:
        generator = torch.Generator().manual_seed(seed)
        rows.append(unit_rows(settings.n_features, settings.d_in, generator=generator))
    decoder = torch.stack(rows) * (1.0 if unit_rows_at_start else 0.1)
    return decoder.clone().requires_grad_(), decoder.clone().requires_grad_()


def _batches(tokens: Tensor, settings: Settings) -> Iterator[Tensor]:
    """Batches, tokens last, in an order of its own for every seed; each epoch drops its rest."""
    generators = [torch.Generator().manual_seed(seed) for seed in settings.seeds]
    while True:
        orders = [torch.randperm(len(tokens), generator=generator) for generator in generators]
        epoch = torch.stack([tokens[order].T for order in orders])
        for start in range(0, len(tokens) - settings.batch_size + 1, settings.batch_size):
            yield epoch[:, :, start : start + settings.batch_size].contiguous()


def _kth_largest(values: Tensor, k: int) -> Tensor:
    """The k-th largest along dim 1, kept, by insertion; many times faster here than topk."""
    best = [torch.full_like(values[:, 0], -torch.inf) for _ in range(k)]
    for candidate in values.unbind(dim=1):
        for place in range(k):
            best[place], candidate = (
                torch.maximum(best[place], candidate),
                torch.minimum(best[place], candidate),
            )
    return best[-1][:, None]


def _scores(decoders: Tensor, truth: Tensor) -> dict[str, float]:
    to_truth = [match(decoder, truth).mean for decoder in decoders]
    between = [match(x, y).mean for x, y in combinations(decoders, 2)]
    return {
        "gt_mcc": float(np.mean(to_truth)),
        "gt_mcc_sd": float(np.std(to_truth, ddof=1)),
        "pw_mcc": float(np.mean(between)),
        "pw_mcc_sd": float(np.std(between, ddof=1)),
    }


def _null(settings: Settings) -> float:
    generator = torch.Generator().manual_seed(0)
    size = settings.n_features, settings.d_in
    draws = [[normalize(unit_rows(*size, generator=generator)) for _ in "ab"] for _ in range(400)]
    return float(np.mean([match(a, b).mean for a, b in draws]))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=Settings.steps)
    arguments = parser.parse_args()
    run(arguments.out, Settings(steps=arguments.steps))


if __name__ == "__main__":
    main()
