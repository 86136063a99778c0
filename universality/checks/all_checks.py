"""Every check of a comparison, in the order in which reports show them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int64

from universality.checks.check import Check
from universality.checks.crosscoders import check_sides
from universality.checks.provenance import (
    check_context_length,
    check_dataset,
    check_hook,
    check_input_normalization,
    check_loading,
    check_model,
)
from universality.checks.seeds import (
    check_equal_seeds,
    check_shared_initialisation,
    check_used_seed,
)
from universality.checks.training_amount import check_convergence
from universality.checks.weights import (
    check_dead_latents,
    check_decoder_norms,
    check_orientation,
    check_same_weights,
    check_width,
)
from universality.dictionary import Dictionary
from universality.runs.alive import Alive


def run_checks(
    a: Dictionary,
    b: Dictionary,
    *,
    alive: tuple[Alive, Alive],
    partners: Mapping[str, Int64[np.ndarray, " d_sae_a"]],
    hashes: tuple[str, str] = ("", ""),
    align: str = "none",
) -> list[Check]:
    """All checks of two runs.

    `partners` gives, by view, the latent of b assigned to each latent of a, in the latents' own
    numbers, -1 for none. `hashes` identify the weights; empty where unknown. `align` is what the
    policy says of directions of different models. Runs known by their codes alone are spared what
    needs weights.
    """
    directions = any(name in partners for name in a.views)
    of_model = check_model(a, b, directions=directions, align=align)
    if not (a.views and b.views):
        return [
            check_same_weights(a, b, hashes=hashes),
            check_dead_latents(*alive),
            of_model,
            check_hook(a, b),
        ]
    return [
        *check_sides(a, b),
        check_same_weights(a, b, hashes=hashes),
        check_shared_initialisation(a, b, partners=partners),
        check_equal_seeds(a, b),
        check_used_seed(a, b),
        check_orientation(a, b),
        check_decoder_norms(a, b),
        check_dead_latents(*alive),
        check_width(a, b),
        of_model,
        check_hook(a, b),
        check_loading(a, b),
        check_dataset(a, b),
        check_context_length(a, b),
        check_input_normalization(a, b),
        check_convergence(a, b),
    ]
