"""Whether a map that was fitted between two models carries anything."""

from __future__ import annotations

from collections.abc import Sequence

from universality.checks.check import Check


def check_fitted_map(explained: float, null: Sequence[float]) -> Check:
    """Whether a map explains more of other documents than every map fitted to broken pairs.

    `explained` is the share of the variance of a's states, on documents that were not fitted.
    """
    message = (
        f"the map fitted between the models explains {explained:.1%} of the variance of other "
        f"documents; fitted to tokens that do not belong together, {max(null):.1%} at most"
    )
    if explained > max(null):
        return Check("fitted_map", "ok", explained, message)
    return Check(
        "fitted_map",
        "fail",
        explained,
        f"{message}: it carries nothing from one model to the other, and directions that went "
        "through it say nothing",
    )
