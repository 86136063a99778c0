"""What the members of a family have in common: one direction per view, as a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import normalize

from universality.activation_functions import AbsTopK, ActivationFunction, JumpReLU, ReLU, TopK
from universality.compute.norms import row_norms
from universality.dictionary import Dictionary, DirectionName, Firing, Source
from universality.input_normalization import Standardize


@final
@dataclass(frozen=True, eq=False)
class Consensus:
    """The mean direction of each family in one view, and how its members spread around it."""

    directions: Float[Tensor, "n_families d"]
    """Unit rows: the normalised mean of the members' unit rows."""
    spread: Float64[np.ndarray, " n_families"]
    """One minus the mean cosine of the members with it: 0 when all are the same."""


def consensus(
    dictionaries: Sequence[Dictionary],
    family: Int64[np.ndarray, " n_latents"],
    view: DirectionName,
    *,
    absolute: bool = False,
) -> Consensus:
    """The consensus directions of families, given by the family of each latent of all runs.

    Sums are in float64. With `absolute`, members that point the other way than most of their family
    are turned first. O(latents x d).
    """
    signs = _signs(dictionaries, family, view) if absolute else None
    mean = _family_means(
        family, [partial(_unit_directions, run, view) for run in dictionaries], signs
    )
    # The mean cosine with the normalised mean is the length of the mean itself.
    length = mean.norm(dim=1)
    return Consensus(normalize(mean, dim=1).float(), (1 - length).clamp_min(0).numpy())


def consensus_dictionary(
    dictionaries: Sequence[Dictionary],
    family: Int64[np.ndarray, " n_latents"],
    *,
    absolute: bool = False,
) -> Dictionary | None:
    """A dictionary with one latent per family: row i is family i, the mean of its members.

    Decoder rows are mean unit rows with the members' mean norm; encoder rows, biases, thresholds
    and firing frequencies are means. With `absolute`, decoder and encoder rows of members whose
    decoder points the other way than most of their family are turned first. None where there is no
    family, a run has no encoder, or the runs differ in space, activation rule or input
    normalisation.
    """
    first = dictionaries[0]
    activation = _activation(dictionaries, family)
    has_encoders = all(run.W_enc is not None for run in dictionaries)
    one_space = len({(run.d_in, run.d_out) for run in dictionaries}) == 1
    n_families = int(family.max(initial=-1)) + 1
    if not n_families or activation is None or not (has_encoders and one_space):
        return None

    signs = _signs(dictionaries, family, "decoder") if absolute else None

    def mean(of: Callable[[Dictionary], Tensor], signs: list[Tensor] | None = None) -> Tensor:
        return _family_means(family, [partial(of, run) for run in dictionaries], signs).float()

    unit = normalize(mean(lambda run: _unit(run.W_dec), signs), dim=1)
    biases = [_or_zeros(run.b_dec, run.d_out).float() for run in dictionaries]
    counted = all(run.firing is not None for run in dictionaries)
    return Dictionary(
        W_dec=unit * mean(lambda run: row_norms(run.W_dec)[:, None]),
        W_enc=mean(lambda run: _or_zeros(run.W_enc, run.d_sae), signs),
        b_enc=mean(lambda run: _or_zeros(run.b_enc, run.d_sae)[:, None])[:, 0],
        b_dec=torch.stack(biases).mean(dim=0),
        activation_fn=activation,
        input_normalization=first.input_normalization,
        apply_b_dec_to_input=first.apply_b_dec_to_input,
        firing=Firing(mean(_frequency)[:, 0], "mean over the family") if counted else None,
        key=replace(first.key, d_sae=n_families, seed=None),
        source=Source(spec="consensus", name="consensus"),
    )


def _signs(
    dictionaries: Sequence[Dictionary], family: Int64[np.ndarray, " n_latents"], view: DirectionName
) -> list[Float64[Tensor, "d_sae 1"]]:
    """For each latent of each run, -1 where it points the other way than most of its family."""
    starts = np.cumsum([0, *(run.d_sae for run in dictionaries)])
    n_families = max(1, int(family.max(initial=-1)) + 1)
    first = torch.zeros(n_families, dictionaries[0].directions(view).shape[1], dtype=torch.float64)
    balance = torch.zeros(n_families, 1, dtype=torch.float64)
    signs = []
    for run, start in zip(dictionaries, starts, strict=False):
        own = torch.tensor(family[start : start + run.d_sae])
        member, rows = own >= 0, _unit_directions(run, view).cpu()
        new = member & ~first[own].any(dim=1)
        first[own[new]] = rows[new]
        sign = torch.where((rows * first[own]).sum(dim=1, keepdim=True) < 0, -1.0, 1.0).double()
        balance[own[member]] += sign[member]
        signs.append(sign)
    most = torch.where(balance < 0, -1.0, 1.0).double()
    return [
        sign * most[torch.tensor(family[start : start + len(sign)])]
        for sign, start in zip(signs, starts, strict=False)
    ]


def _family_means(
    family: Int64[np.ndarray, " n_latents"],
    rows_of_runs: Sequence[Callable[[], Tensor]],
    signs: Sequence[Tensor] | None = None,
) -> Float64[Tensor, "n_families d"]:
    size = np.bincount(family[family >= 0])
    total, start = torch.zeros(0, dtype=torch.float32), 0
    for number, rows_of in enumerate(rows_of_runs):
        rows = rows_of().double().cpu() * (1.0 if signs is None else signs[number])
        own = torch.tensor(family[start : start + len(rows)])
        member, start = own >= 0, start + len(rows)
        if not total.numel():
            total = rows.new_zeros(len(size), rows.shape[1])
        total[own[member]] += rows[member]  # one member per run, so no index comes twice
    return total / torch.from_numpy(size)[:, None]


def _activation(
    dictionaries: Sequence[Dictionary], family: Int64[np.ndarray, " n_latents"]
) -> ActivationFunction | None:
    rules = [run.activation_fn for run in dictionaries]
    kinds = {(type(run.activation_fn), type(run.input_normalization)) for run in dictionaries}
    if len(kinds) > 1 or isinstance(dictionaries[0].input_normalization, Standardize):
        return None
    match rules[0]:
        case ReLU():
            return ReLU()
        case TopK() | AbsTopK() as first:
            ks = [one.k for one in rules if isinstance(one, TopK | AbsTopK)]
            return type(first)(max(1, min(round(np.mean(ks)), int(family.max()) + 1)))
        case JumpReLU():
            thresholds = [one.threshold for one in rules if isinstance(one, JumpReLU)]
            columns = [partial(torch.unsqueeze, t, 1) for t in thresholds]
            return JumpReLU(_family_means(family, columns)[:, 0].float())
        case _:
            return None


def _unit_directions(run: Dictionary, view: DirectionName) -> Tensor:
    return _unit(run.directions(view))


def _unit(rows: Tensor) -> Tensor:
    norms = row_norms(rows)
    return rows.double() / norms.where(norms > 0, 1.0)[:, None]


def _or_zeros(values: Tensor | None, n: int) -> Tensor:
    return torch.zeros(n, dtype=torch.float32) if values is None else values


def _frequency(run: Dictionary) -> Tensor:
    return (
        torch.zeros(run.d_sae, 1, dtype=torch.float32)
        if run.firing is None
        else run.firing.frequency[:, None]
    )
