"""What one run alone says of each of its latents: what its chance to come back depends on.

All of it is the same for a run whose latents are rescaled (encoder row up, decoder row down).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from universality.compute.devices import resolve_device
from universality.compute.norms import row_norms, unit
from universality.dictionary import Dictionary, Firing
from universality.errors import UnsupportedError
from universality.matching.candidates import find_candidates
from universality.matching.neighbours import Neighbours
from universality.matching.own_run import NEAR
from universality.similarity import Cosine, Others

Covariates: TypeAlias = Mapping[str, Float64[np.ndarray, " _"]]
"""By name, one number for each latent that takes part."""

OWN: Mapping[str, str] = {
    "log_frequency": "log10 of the fraction of tokens on which it fires",
    "encoder_decoder_cosine": "cosine of its encoder row with its decoder row",
    "log_norm": "log10 of |encoder row| |decoder row|, over the run's median",
    "bias": "encoder bias times |decoder row|, over the run's median magnitude of that",
    "own_nearest_decoder": "cosine with the nearest other decoder row of the run",
    "own_nearest_encoder": "cosine with the nearest other encoder row of the run",
    "own_five_decoder": "mean cosine with the five nearest other decoder rows of the run",
    "own_five_encoder": "mean cosine with the five nearest other encoder rows of the run",
    "mean_decoder_cosine": "cosine with the run's mean unit decoder row",
    "mean_encoder_cosine": "cosine with the run's mean unit encoder row",
    "leading_energy": "share of its decoder row in the run's d/12 leading axes",
}
"""What each covariate of one run is; the axes are those of the decoder rows' second moment."""

_LEADING = 12
_RAREST = 1e-7


def own_covariates(
    run: Dictionary,
    alive: Bool[Tensor, " d_sae"],
    *,
    firing: Firing | None = None,
    device: str = "auto",
    near: Mapping[str, Neighbours] | None = None,
) -> dict[str, np.ndarray]:
    """The covariates of the latents that take part, by name (see `OWN`), in float64.

    The frequencies are those that came with the run, or `firing`. One pass over the cosines of the
    run with itself for each view, but where `near` has the five nearest others of these latents by
    view; 0 stands for what a run of one latent cannot have.

    Raises:
        UnsupportedError: the run has no encoder, or nobody counted how often it fires.
    """
    counted = run.firing or firing
    if run.W_enc is None:
        raise UnsupportedError(f"{run.source.name} has no encoder, which its forecast needs")
    if counted is None:
        raise UnsupportedError(
            f"{run.source.name} brought no firing counts, which its forecast needs; "
            "pass activations (--activations DIR), on whose tokens they are counted"
        )
    mask = alive.cpu()
    decoder, encoder = (run.directions(view)[mask] for view in ("decoder", "encoder"))
    writes, reads = row_norms(decoder).cpu(), row_norms(encoder).cpu()
    rows, columns = unit(decoder).cpu(), unit(encoder).cpu()
    bias = torch.zeros_like(writes) if run.b_enc is None else run.b_enc[mask].double().cpu()
    found = {
        "log_frequency": counted.frequency.double().cpu()[mask].clamp(min=_RAREST).log10(),
        "encoder_decoder_cosine": _alignment(rows, columns),
        "log_norm": (reads * writes / _middle(reads * writes)).log10(),
        "bias": bias * writes / _middle((bias * writes).abs()),
        **_crowding("decoder", (near or {}).get("decoder") or _near(decoder, device)),
        **_crowding("encoder", (near or {}).get("encoder") or _near(encoder, device)),
        "mean_decoder_cosine": _with_mean(rows),
        "mean_encoder_cosine": _with_mean(columns),
        "leading_energy": _leading_energy(rows),
    }
    return {name: found[name].numpy() for name in OWN}


def _alignment(rows: Float[Tensor, "n d"], columns: Float[Tensor, "n d_in"]) -> Tensor:
    """Zero for a transcoder between spaces of different widths, whose rows share no space."""
    if rows.shape != columns.shape:
        return torch.zeros(rows.shape[0], dtype=torch.float64)
    return (rows.double() * columns.double()).sum(dim=1)


def _middle(values: Float64[Tensor, " n"]) -> Tensor:
    middle = values.median()
    known: Tensor = middle.where(middle > 0, 1.0)
    return known


def _near(rows: Float[Tensor, "n d"], device: str) -> Neighbours:
    """The nearest others of the run."""
    n = rows.shape[0]
    if n < 2:
        return Neighbours(np.full((n, 1), -1, dtype=np.int64), np.zeros((n, 1)))
    cosines = Others(Cosine.between(rows, rows, device=resolve_device(device)))
    return find_candidates(cosines, k=min(NEAR, n - 1), progress=False).of_a


def _crowding(name: str, near: Neighbours) -> dict[str, Tensor]:
    """How near the others of the run are."""
    found = torch.from_numpy(near.similarity).double()
    return {f"own_nearest_{name}": found[:, 0], f"own_five_{name}": found.mean(dim=1)}


def _with_mean(rows: Float[Tensor, "n d"]) -> Tensor:
    mean = rows.double().mean(dim=0)
    length = mean.norm()
    cosines: Tensor = rows.double() @ mean / length.where(length > 0, 1.0)
    return cosines


def _leading_energy(rows: Float[Tensor, "n d"]) -> Tensor:
    n, d = rows.shape
    exact = rows.double()
    _, axes = torch.linalg.eigh(exact.T @ exact / n)
    energy: Tensor = (exact @ axes[:, -max(1, d // _LEADING) :]).square().sum(dim=1)
    return energy
