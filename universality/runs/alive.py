"""Which latents take part: one rule for both runs, decided before anything is matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor

from universality.codes import Codes
from universality.compute.norms import row_norms
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError

ALIVE_RULES = ("auto", "all", "norm", "file", "firing")
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
    rare: Bool[Tensor, " d_sae"]
    """Latents left out though they fire: too rarely, or always alike. The others left out are
    dead."""

    @property
    def n_alive(self) -> int:
        """Number of latents that take part."""
        return int(self.mask.sum())


def find_alive(runs: Sequence[Dictionary], rule: str = "auto") -> tuple[Alive, ...]:
    """The latents of each run that take part, by one rule for all.

    `file`: firing counts that came with every checkpoint. `norm`: decoder norm at least a tenth
    of the run's median. `all`: every latent. `auto`: `file` where all runs brought counts, else
    every latent with the source `unknown`, since unit decoder norms say nothing of deadness.
    Latents with a zero row in either weight matrix are left out under every rule.

    Raises:
        InvalidInputError: an unknown rule; `file` without counts in some run; a run in which no
            latent is left.
    """
    if rule not in ALIVE_RULES:
        raise InvalidInputError(f"--alive must be one of {', '.join(ALIVE_RULES)}, got {rule!r}")
    if rule == "firing":
        raise InvalidInputError(
            "--alive firing counts on a cache of activations: pass --activations DIR, or use "
            "--alive file, norm or all"
        )
    if rule == "auto":
        rule = "file" if all(run.firing is not None for run in runs) else "unknown"
    return tuple(_alive(run, rule) for run in runs)


def find_firing(dictionary: Dictionary, codes: Codes, minimum: int) -> Alive:
    """The latents that fire on at least `minimum` tokens, and not always with the same code.

    Latents with a zero row are left out too.

    Raises:
        InvalidInputError: no latent is left.
    """
    fires = torch.from_numpy((codes.count >= minimum) & codes.varies)
    nonzero = _nonzero_rows(dictionary).cpu()
    if not bool((fires & nonzero).any()):
        raise InvalidInputError(
            f"no latent of {dictionary.source.name} fires on {minimum} of the {codes.n_tokens} "
            "tokens or more; collect more tokens, or lower --min-firing"
        )
    source = f"fires on {minimum} or more of {codes.n_tokens} tokens"
    heard = torch.from_numpy(codes.count > 0)
    return Alive(
        mask=fires & nonzero,
        source=source,
        n_zero_rows=int((~nonzero).sum()),
        rare=heard & ~fires & nonzero,
    )


def _alive(dictionary: Dictionary, rule: str) -> Alive:
    nonzero = _nonzero_rows(dictionary)
    mask, source = nonzero, rule
    match rule:
        case "all" | "unknown":
            pass
        case "norm":
            norms = row_norms(dictionary.W_dec)
            mask = nonzero & (norms >= NORM_FRACTION * norms[nonzero].median())
        case "file":
            if dictionary.firing is None:
                raise InvalidInputError(
                    f"--alive file: {dictionary.source.name} brought no firing counts "
                    "(sparsity.safetensors or a training record); use --alive all or norm"
                )
            mask = nonzero & (dictionary.firing.frequency > 0)
            source = dictionary.firing.source
        case other:
            raise InvalidInputError(f"no rule {other!r} says which latents take part")
    if not bool(mask.any()):
        raise InvalidInputError(
            f"no latent of {dictionary.source.name} is alive by the rule {rule!r}; try --alive all"
        )
    return Alive(
        mask=mask,
        source=source,
        n_zero_rows=int((~nonzero).sum()),
        rare=torch.zeros_like(mask),
    )


def _nonzero_rows(dictionary: Dictionary) -> Bool[Tensor, " d_sae"]:
    if not dictionary.views:
        return torch.ones(dictionary.d_sae, dtype=torch.bool)
    nonzero = row_norms(dictionary.W_dec) > 0
    if dictionary.W_enc is not None:
        nonzero &= row_norms(dictionary.W_enc) > 0
    return nonzero
