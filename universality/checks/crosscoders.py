"""Two sides of one crosscoder: the same latents by training, and what that makes worth asking.

A crosscoder reads and writes several models (or layers) with one set of codes: latent i of one side
is latent i of the other. Its sides are no two runs, and that their latents match says nothing of
recurrence. What the literature asks of them is how much of a latent's writing lies on each side
(Lindsey et al. 2024, "Sparse Crosscoders"; Minder et al. 2025), and whether it writes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64

from universality.checks.check import Check
from universality.compute.norms import row_norms
from universality.dictionary import Dictionary

ONE_SIDED = 0.1
"""A latent is of one side alone when the other has less than this share of its decoder norms."""


_L1_KEYS = ("l1_coeff", "l1_coefficient", "l1_penalty")


@final
@dataclass(frozen=True, eq=False)
class Sides:
    """What each latent of a crosscoder writes on two of its sides."""

    relative_norm: Float64[np.ndarray, " d_sae"]
    """Norm of its decoder row in b over the sum of both, in [0, 1]: 0 for a latent of a alone, .5
    where both sides write as strongly, NaN where neither writes."""
    same_index_cosine: Float64[np.ndarray, " d_sae"] | None
    """Cosine of its two decoder rows, NaN where one is zero; None where the sides differ in
    width."""

    @property
    def only_a(self) -> float:
        """Share of latents that write on side a alone."""
        return float((self.relative_norm < ONE_SIDED).mean())

    @property
    def only_b(self) -> float:
        """Share of latents that write on side b alone."""
        return float((self.relative_norm > 1 - ONE_SIDED).mean())


def has_l1_penalty(run: Dictionary) -> bool:
    """Whether a crosscoder was trained with an L1 penalty, as far as its format or record says.

    That of ckkissane and neelnanda-io knows no other loss; others say it by a coefficient.
    """
    named = [key for key, value in run.source.config.items() if key in _L1_KEYS and value]
    return run.source.format == "crosscoder" or bool(named)


def are_sides(a: Dictionary, b: Dictionary) -> bool:
    """Whether two dictionaries are sides of one crosscoder: one file, two of its parts."""
    return (
        a.source.format.startswith("crosscoder")
        and bool(a.source.weight_files)
        and a.source.weight_files == b.source.weight_files
        and a.source.part != b.source.part
    )


def compare_sides(a: Dictionary, b: Dictionary) -> Sides:
    """Relative decoder norm and same-index cosine of every latent of two sides."""
    norm_a, norm_b = (row_norms(run.W_dec).cpu().numpy() for run in (a, b))
    total = norm_a + norm_b
    relative = np.where(total > 0, norm_b / np.where(total > 0, total, 1), np.nan)
    if a.d_out != b.d_out:
        return Sides(relative, None)
    cosine = torch.nn.functional.cosine_similarity(a.W_dec.double(), b.W_dec.double(), dim=1)
    both = (norm_a > 0) & (norm_b > 0)
    return Sides(relative, np.where(both, cosine.cpu().numpy(), np.nan))


def check_sides(a: Dictionary, b: Dictionary) -> list[Check]:
    """That two sides of one crosscoder are no two runs; nothing for other dictionaries."""
    if not are_sides(a, b):
        return []
    sides = compare_sides(a, b)
    message = (
        "a and b are two sides of one crosscoder, whose latents are the same by training: what "
        f"matches here has not recurred. {sides.only_a:.1%} of its latents write on side a alone, "
        f"{sides.only_b:.1%} on side b alone"
    )
    value = None
    if sides.same_index_cosine is not None and not np.isnan(sides.same_index_cosine).all():
        value = float(np.nanmean(sides.same_index_cosine))
        message += f"; a latent's two decoder rows have mean cosine {value:.2f}"
    exclusive = sides.only_a + sides.only_b
    return [Check("one_crosscoder", "warn", value, message), *_check_penalty(a, exclusive)]


def _check_penalty(run: Dictionary, exclusive: float) -> list[Check]:
    """A warning where the crosscoder was trained with an L1 penalty; nothing where it was not.

    The penalty on the sum of both decoder norms drives the weaker one to zero although both models
    have the feature, and makes two latents of one (Minder et al. 2025, arXiv:2504.02922).
    """
    if not has_l1_penalty(run):
        return []
    message = (
        "the crosscoder was trained with an L1 penalty, which invents latents of one side alone: "
        "it drives the weaker decoder row to zero where both models have the feature, and splits "
        f"features in two. Read {exclusive:.1%} on one side as too many; fit each latent's scale "
        "on both models' activations, or train with BatchTopK, to see which are real"
    )
    return [Check("l1_crosscoder", "warn", exclusive, message)]
