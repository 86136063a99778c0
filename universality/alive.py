"""Which latents take part: one rule for both runs, decided before anything is matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor

from universality.dictionary import Dictionary
from universality.errors import InvalidInputError

ALIVE_RULES = ("auto", "all", "norm", "file")
"""How `--alive` spells the rules."""

NORM_FRACTION = 0.1
"""Rule `norm`: a latent whose decoder norm is below this fraction of the run's median is dead."""


@final
@dataclass(frozen=True, eq=False)
class Alive:
    """The latents of one run that take part in a comparison."""

    mask: Bool[Tensor, " d_sae"]
    """True where the latent takes part."""
    source: str
    """What decided: `unknown` when nothing says which latents are dead and all count."""
    n_zero_rows: int
    """Latents left out because a weight row is zero: they have no direction."""

    @property
    def n_alive(self) -> int:
        """Number of latents that take part."""
        return int(self.mask.sum())


def find_alive(a: Dictionary, b: Dictionary, rule: str = "auto") -> tuple[Alive, Alive]:
    """The latents of each run that take part, by one rule for both.

    `file`: firing counts that came with both checkpoints. `norm`: decoder norm at least a tenth
    of the run's median. `all`: every latent. `auto`: `file` where both runs brought counts, else
    every latent with the source `unknown`, since unit decoder norms say nothing of deadness.
    Latents with a zero row in either weight matrix are left out under every rule.

    Raises:
        InvalidInputError: an unknown rule; `file` without counts in both runs; a run in which no
            latent is left.
    """
    first, second = find_alive_in_all((a, b), rule)
    return first, second


def find_alive_in_all(runs: Sequence[Dictionary], rule: str = "auto") -> tuple[Alive, ...]:
    """The latents of each of many runs that take part, by one rule for all, as in `find_alive`."""
    if rule not in ALIVE_RULES:
        raise InvalidInputError(f"--alive must be one of {', '.join(ALIVE_RULES)}, got {rule!r}")
    if rule == "auto":
        rule = "file" if all(run.firing is not None for run in runs) else "unknown"
    return tuple(_alive(run, rule) for run in runs)


def _alive(dictionary: Dictionary, rule: str) -> Alive:
    norms = torch.linalg.vector_norm(dictionary.W_dec, dim=1, dtype=torch.float32)
    nonzero = norms > 0
    if dictionary.W_enc is not None:
        nonzero &= torch.linalg.vector_norm(dictionary.W_enc, dim=1, dtype=torch.float32) > 0
    mask, source = nonzero, rule
    if rule == "norm":
        mask = nonzero & (norms >= NORM_FRACTION * norms[nonzero].median())
    elif rule == "file":
        if dictionary.firing is None:
            raise InvalidInputError(
                f"--alive file: {dictionary.source.name} brought no firing counts "
                "(sparsity.safetensors or a training record); use --alive all or norm"
            )
        mask = nonzero & (dictionary.firing.frequency > 0)
        source = dictionary.firing.source
    if not bool(mask.any()):
        raise InvalidInputError(
            f"no latent of {dictionary.source.name} is alive by the rule {rule!r}; try --alive all"
        )
    return Alive(mask=mask, source=source, n_zero_rows=int((~nonzero).sum()))
