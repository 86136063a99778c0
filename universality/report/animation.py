"""One self-contained page that plays how the autoencoders of a toy experiment learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from universality.errors import InvalidInputError
from universality.report.packing import packed
from universality.results.toy import ToyResult


def animation_data(result: ToyResult) -> dict[str, Any]:
    """What the animation draws.

    Raises:
        InvalidInputError: the hidden space is no plane.
    """
    frames = result.frames
    n_instances, n_points, d_hidden = frames["probe"].shape
    if d_hidden != 2:
        raise InvalidInputError(
            f"the animation is drawn in a plane; this hidden space has {d_hidden} dimensions"
        )
    coordinates = ("W_enc", "W_dec", "reconstruction", "probe")
    return {
        "n_instances": n_instances,
        "n_points": n_points,
        "n_latents": int(frames["W_enc"].shape[2]),
        "n_features": int(result.W.shape[1]),
        "step": [int(step) for step in frames["step"]],
        "W": packed(result.W, "f4"),
        "resampled": packed(np.asarray(frames["resampled"]), "u1"),
    } | {name: packed(frames[name], "f4") for name in coordinates}
