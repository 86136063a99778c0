"""One threshold for all latents, set so that a dictionary has the L0 that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import JumpReLU
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError

_KEPT = 4


@torch.no_grad()
def calibrated(
    dictionary: Dictionary, l0: float, batches: Iterable[Float[Tensor, "_ d_in"]]
) -> Dictionary:
    """The dictionary with the threshold that leaves `l0` latents active per token, on average.

    The mean is over the batches given, which should be of tokens held out: an average of the
    smallest code of training batches, as other libraries keep, falls with the batch size. Where
    fewer pre-activations than that are positive the threshold is zero.

    Raises:
        InvalidInputError: there are no tokens.
    """
    largest, n_tokens = [], 0
    bare = replace(
        dictionary, activation_fn=JumpReLU(torch.zeros(dictionary.d_sae, dtype=torch.float32))
    )
    for batch in batches:
        codes = bare.encode(batch.float()).flatten()
        wanted = min(len(codes), int(_KEPT * l0 * len(batch)))
        largest.append(codes.topk(wanted, sorted=False).values)
        n_tokens += len(batch)
    if n_tokens == 0:
        raise InvalidInputError("a threshold needs tokens to be set on")
    values = torch.cat(largest).sort(descending=True).values
    count = min(round(l0 * n_tokens), len(values) - 1)
    # midway between the last code to keep and the first to drop, so rounding moves neither
    threshold = float((values[count - 1] + values[count]) / 2)
    return replace(
        dictionary,
        activation_fn=JumpReLU(
            torch.full((dictionary.d_sae,), max(threshold, 0.0), dtype=torch.float32)
        ),
    )
