"""Adam with a proximal step: the L1 penalty sets weights to zero exactly.

Adam and a penalty in the loss leave dust: weights of 1e-4 that are none. Here the threshold is in
the metric of Adam's step, so that a weight rests at zero exactly where its gradient is below the
penalty (a proximal Newton step with Adam's diagonal; Parikh and Boyd 2014 for the operator).
"""

from __future__ import annotations

from typing import final

import numpy as np
from jaxtyping import Float32

_BETA_2, _EPS = 0.999, 1e-8


@final
class ProximalAdam:
    """The moments of one array of weights that is being fitted, and the steps on it, in place."""

    def __init__(
        self, weights: Float32[np.ndarray, "..."], penalty: Float32[np.ndarray, "..."] | None
    ) -> None:
        self.weights = weights
        self._penalty = penalty
        self._mean = np.zeros_like(weights)
        self._square = np.zeros_like(weights)
        self._scratch = np.empty_like(weights)
        self._n_steps = 0
        self._kept = 1.0

    def step(
        self, gradient: Float32[np.ndarray, "..."], rate: float, *, memory: float = 0.9
    ) -> None:
        """One step against the gradient, then towards zero by the penalty. Spends `gradient`.

        `memory` is the share of the mean gradient that stays: with a long one the noise of batches
        averages out, and weights that it alone keeps from zero get there.
        """
        self._n_steps += 1
        self._kept *= memory
        np.multiply(self._mean, memory, out=self._mean)
        self._mean += np.multiply(gradient, 1 - memory, out=self._scratch)
        np.multiply(self._square, _BETA_2, out=self._square)
        np.multiply(gradient, gradient, out=self._scratch)
        self._square += np.multiply(self._scratch, 1 - _BETA_2, out=self._scratch)
        step = np.sqrt(self._square, out=self._scratch)
        step *= np.float32((1 - _BETA_2**self._n_steps) ** -0.5)
        step += _EPS
        np.divide(np.float32(rate), step, out=step)
        moved = np.multiply(self._mean, step, out=gradient)
        self.weights -= np.multiply(moved, 1 / (1 - self._kept), out=moved)
        if self._penalty is not None:
            step *= self._penalty
            shrink_to_zero(self.weights, step)


def shrink_to_zero(weights: Float32[np.ndarray, "..."], by: Float32[np.ndarray, "..."]) -> None:
    """Every weight nearer to zero by its amount, and zero where that is more than it has."""
    np.clip(weights, -by, by, out=(less := np.empty_like(weights)))
    weights -= less
