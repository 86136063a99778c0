"""How well a map predicts, on tokens that it was not fitted on: as a whole, and latent by latent.

The share of all variance unexplained is that of the few largest latents; a map that predicts
nothing of most of them can have a small one. Hence the median over latents stands beside it, and
the share of latents that are predicted no better than by their mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy import sparse

from universality.connectors.connector import Connector
from universality.connectors.ends import END, EndLike, as_end
from universality.errors import InvalidInputError
from universality.validation import Is, takes

Predictor: TypeAlias = "Callable[[sparse.csr_array], Float32[np.ndarray, 'n_tokens d_target']]"
"""From codes of the source, by token, to codes of the target, dense."""

_BLOCK = 2_048


@final
@dataclass(frozen=True, eq=False)
class ConnectorQuality:
    """What a map explains of every target latent on some tokens."""

    error: Float64[np.ndarray, " d_target"]
    """Sum of squared errors."""
    spread: Float64[np.ndarray, " d_target"]
    """Sum of squared distances from the latent's mean on these tokens."""
    n_predicted: Int64[np.ndarray, " d_target"]
    """Tokens on which the latent is predicted to be above zero."""
    taken: Bool[np.ndarray, " d_target"]
    """Latents that the map was fitted to."""

    @property
    def judged(self) -> Bool[np.ndarray, " d_target"]:
        """Latents that were fitted and vary on these tokens."""
        return np.asarray(self.taken & (self.spread > 0))

    @cached_property
    def fvu(self) -> Float64[np.ndarray, " d_target"]:
        """Share of each latent's variance unexplained; NaN where it is not judged."""
        spread = np.where(self.judged, self.spread, np.nan)
        return np.asarray(self.error / spread)

    @property
    def global_fvu(self) -> float:
        """Share of the variance of all judged latents together."""
        judged = self.judged
        return float(self.error[judged].sum() / self.spread[judged].sum())

    @property
    def median_fvu(self) -> float:
        """Median over judged latents."""
        return float(np.nanmedian(self.fvu))

    @property
    def unexplained_share(self) -> float:
        """Share of judged latents at or above 1: predicted no better than by their mean."""
        return float((self.fvu[self.judged] >= 1).mean())

    @property
    def dead_rows(self) -> int:
        """Judged latents that are never predicted to be above zero."""
        return int((self.judged & (self.n_predicted == 0)).sum())


@takes(connector=Is((Connector,), "a connector"), source_codes=END, target_codes=END)
def judge_connector(
    connector: Connector, source_codes: EndLike, target_codes: EndLike
) -> ConnectorQuality:
    """How well a connector predicts the target's codes on these tokens.

    Raises:
        InvalidInputError: the codes are not of the connector's widths, or of different tokens.
    """
    source, target = as_end(source_codes, "source_codes"), as_end(target_codes, "target_codes")
    if target.codes.d_sae != connector.d_target:
        raise InvalidInputError(
            f"target_codes are {target.codes.d_sae} wide, the connector predicts "
            f"{connector.d_target} latents"
        )
    return quality_of(
        connector.predict, source.by_token, target.by_token, taken=connector.connected_targets
    )


def quality_of(
    predict: Predictor,
    source: sparse.csr_array,
    target: sparse.csr_array,
    *,
    taken: Bool[np.ndarray, " d_target"],
) -> ConnectorQuality:
    """How well any map predicts, on codes by token.

    Raises:
        InvalidInputError: they are of different numbers of tokens, or no latent can be judged.
    """
    if source.shape[0] != target.shape[0]:
        raise InvalidInputError(
            f"source_codes are of {source.shape[0]:,} tokens, target_codes of {target.shape[0]:,}"
        )
    n, width = target.shape
    error, active = np.zeros(width), np.zeros(width, dtype=np.int64)
    mean = np.asarray(target.sum(axis=0, dtype=np.float64)).reshape(-1) / n
    spread = np.zeros(width)
    for start in range(0, n, _BLOCK):
        predicted = predict(source[start : start + _BLOCK])
        wanted = target[start : start + _BLOCK].toarray()
        error += np.square(predicted - wanted, dtype=np.float64).sum(axis=0)
        spread += np.square(wanted - mean, dtype=np.float64).sum(axis=0)
        active += (predicted > 0).sum(axis=0)
    constant = target.max(axis=0).toarray().reshape(-1) == target.min(axis=0).toarray().reshape(-1)
    found = ConnectorQuality(error, np.where(constant, 0.0, spread), active, taken)
    if not found.judged.any():
        raise InvalidInputError(
            f"no target latent that was fitted varies on these {n:,} tokens; judge by more of them"
        )
    return found


def constant_prediction(connector_mean: Float64[np.ndarray, " d_target"]) -> Predictor:
    """The map that gives every latent its mean, whatever the source does."""
    row = connector_mean.astype(np.float32)
    return lambda codes: np.broadcast_to(row, (codes.shape[0], row.size))
