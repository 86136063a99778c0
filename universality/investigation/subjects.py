"""The latent that is asked about and its counterparts: a run, one of its latents, its firings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from universality.codes import Codes
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.evidence.trace import FiringTrace, firing

Reads: TypeAlias = Literal["here", "elsewhere", "random weights"]
"""`here`, the hook of the cache that is asked about; another hook or model; or a model with random
weights. What is written elsewhere is not asked of the model here."""

Kind: TypeAlias = Literal["dead", "once", "always", "fires"]
"""How a latent fires: never, on one token, on all of them, or as latents do."""


@final
@dataclass(frozen=True, eq=False)
class CodedOver:
    """A run with its codes on the tokens of a corpus."""

    name: str
    """What the run is called in this result."""
    run: Dictionary
    """The dictionary."""
    codes: Codes
    """What each of its latents does on every token."""
    reads: Reads = "here"
    """Which activations its codes are of."""

    def trace(self, latent: int) -> FiringTrace:
        """Where one latent fires.

        Raises:
            InvalidInputError: the run has no such latent.
        """
        if not 0 <= latent < self.run.d_sae:
            raise InvalidInputError(
                f"{self.name} has no latent {latent}: its latents are 0 to {self.run.d_sae - 1}"
            )
        parts, start = [], 0
        for chunk in self.codes.chunks:
            part = firing(chunk, latent)
            parts.append(FiringTrace(part.tokens + start, part.values))
            start += int(chunk.shape[1])
        tokens, values = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("tokens", "values")
        )
        return FiringTrace(tokens, values)


@final
@dataclass(frozen=True, eq=False)
class Subject:
    """One latent under the microscope."""

    over: CodedOver
    """Its run and codes."""
    latent: int
    """Which latent."""
    trace: FiringTrace
    """Where it fires."""

    @property
    def kind(self) -> Kind:
        """How it fires: what cannot be said of a dead latent, or of one firing, depends on it."""
        match self.trace.tokens.size:
            case 0:
                return "dead"
            case 1:
                return "once"
            case n if n == self.over.codes.n_tokens:
                return "always"
            case _:
                return "fires"

    @property
    def about(self) -> dict[str, Any]:
        """What the summary says of it."""
        values = self.trace.values.astype(np.float64)
        row = self.over.run.W_dec[self.latent].double()
        return {
            "run": self.over.name,
            "spec": self.over.run.source.spec,
            "latent": self.latent,
            "kind": self.kind,
            "reads": self.over.reads,
            "n_fires": int(values.size),
            "frequency": values.size / self.over.codes.n_tokens,
            "largest": float(values[np.abs(values).argmax()]) if values.size else 0.0,
            "mean_active": float(values.mean()) if values.size else 0.0,
            "decoder_norm": float(row.norm()),
        }


def subject_of(over: CodedOver, latent: int) -> Subject:
    """A latent of a run.

    Raises:
        InvalidInputError: the run has no such latent.
    """
    return Subject(over, latent, over.trace(latent))


def matched_latents(
    over: CodedOver, like: float, *, norm: float | None, n: int, without: int, seed: int
) -> list[int]:
    """Random latents that fire as often as `like`, a share of tokens, and write as long a row.

    Drawn from the four times as many that come nearest in the logarithms of both; `norm` None asks
    for no length. Latents that never fire, and `without`, take no part. Fewer where there are few.
    """
    frequency = over.codes.frequency
    candidates = np.flatnonzero(frequency > 0)
    candidates = candidates[candidates != without]
    distance = np.abs(np.log(frequency[candidates] / max(like, 1 / over.codes.n_tokens)))
    if norm is not None:
        norms = over.run.W_dec.float().norm(dim=1).double().numpy()[candidates]
        distance = distance + np.abs(np.log(np.maximum(norms, 1e-12) / max(norm, 1e-12)))
    nearest = candidates[np.argsort(distance, kind="stable")[: 4 * n]]
    chosen = np.random.default_rng(seed).permutation(nearest)[:n]
    return [int(one) for one in np.sort(chosen)]
