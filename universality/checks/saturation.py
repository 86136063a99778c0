"""Whether more is shared than two independent runs share: what a reordered copy looks like.

A run copied in another order, with a little noise, leaves no trace in the order of its latents.
What is left to see is that nearly all of them, the rarest included, have a partner in decoder and
encoder at once, which no published pair of independently trained runs comes near. A toy whose
features are all found does; a shared start that training has half undone does not.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from universality.checks.check import Check

_NEARLY_ALL = 0.95
_OF_THE_RAREST = 0.9
_RAREST = 0.1


def check_saturation(
    reached: Bool[np.ndarray, " n_latents"],
    frequency: Float64[np.ndarray, " n_latents"] | None,
    *,
    threshold: float,
) -> Check:
    """Whether nearly all latents reach the threshold in decoder and encoder with one partner.

    `reached` says so of each latent that takes part, `frequency` how often it fires, None where
    nobody knows. The value is the share that does.
    """
    if not reached.size:
        return Check("saturation", "skipped", None, "no latent takes part")
    share = float(reached.mean())
    rarest, among = share, ""
    if frequency is not None and np.isfinite(frequency).any():
        known = np.where(np.isfinite(frequency), frequency, np.inf)
        n_rare = max(1, round(_RAREST * reached.size))
        rarest = float(reached[np.argsort(known, kind="stable")[:n_rare]].mean())
        among = f", of the rarest tenth {rarest:.1%}"
    found = f"{share:.1%} of the latents have one partner in decoder and encoder at {threshold:g}"
    if share >= _NEARLY_ALL and rarest >= _OF_THE_RAREST:
        message = (
            f"{found}{among}: no two independent runs of a language model are known to share so "
            "much, so one may be a copy of the other, noisy or in another order"
        )
        return Check("saturation", "warn", share, message)
    return Check("saturation", "ok", share, f"{found}{among}")
