"""What a second run adds to what is known of a latent's chance to come back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from universality.runs.view_match import Partners, ViewMatch

BESIDE: Mapping[str, str] = {
    "partner_decoder": "decoder cosine with its assigned partner in the other run",
    "partner_encoder": "encoder cosine with its assigned partner in the other run",
    "margin_decoder": "by how much its nearest decoder row there is nearer than the runner-up",
    "margin_encoder": "by how much its nearest encoder row there is nearer than the runner-up",
    "same_partner": "1 where both assignments name one partner, else 0",
}
"""What each covariate of a second run is."""

VIEWS = ("decoder", "encoder")
"""The views that it takes."""


def pair_covariates(matches: Mapping[str, ViewMatch], *, swap: bool) -> dict[str, np.ndarray]:
    """The covariates of the latents of a (of b with `swap`), by name (see `BESIDE`), in float64.

    A latent without a partner, or without a runner-up, has 0 there.
    """
    found = {view: matches[view].of_b if swap else matches[view].of_a for view in VIEWS}
    decoder, encoder = found["decoder"], found["encoder"]
    same = (decoder.partner >= 0) & (decoder.partner == encoder.partner)
    return {
        "partner_decoder": _known(decoder.similarity),
        "partner_encoder": _known(encoder.similarity),
        "margin_decoder": _known(_margin(decoder)),
        "margin_encoder": _known(_margin(encoder)),
        "same_partner": same.astype(np.float64),
    }


def _margin(partners: Partners) -> np.ndarray:
    return np.asarray(partners.near.margin)


def _known(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, 0.0)
