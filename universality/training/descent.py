"""One step of gradient descent, the same for every autoencoder that is trained here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

P = TypeVar("P")


def descend(
    parameters: P,
    loss: Tensor,
    optimizer: torch.optim.Optimizer,
    *,
    before: Callable[[P], None] | None = None,
    after: Callable[[P], None] | None = None,
) -> None:
    """Move the parameters down the gradient of the loss, in place.

    `before` may change the gradients once they are there, `after` the parameters once they moved.
    """
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    if before is not None:
        before(parameters)
    optimizer.step()
    if after is not None:
        with torch.no_grad():
            after(parameters)
