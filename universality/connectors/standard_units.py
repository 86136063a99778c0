"""Both ends in standardised units: what a fit works on, and the way back.

Codes are divided by their standard deviations without being centred, which keeps them sparse and
changes nothing: a ReLU lets positive factors through. In these units the rows of a map are
independent problems of one scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64, Int64
from scipy import sparse

from universality.codes import take_latents
from universality.connectors.analytic_map import AnalyticStart
from universality.connectors.ends import ConnectorEnd
from universality.connectors.fit_settings import ConnectorSettings
from universality.errors import InvalidInputError

_DENSE_FROM = 0.05


@final
@dataclass(frozen=True, eq=False)
class StandardProblem:
    """Codes by token in standardised units, of the latents that vary."""

    source: sparse.csr_array
    """The source's, (n_tokens, ds)."""
    target: sparse.csr_array
    """The target's, (n_tokens, dt)."""
    sources: Int64[np.ndarray, " ds"]
    """Which source latents these are."""
    targets: Int64[np.ndarray, " dt"]
    """Which target latents."""
    source_sd: Float64[np.ndarray, " d_source"]
    """Standard deviation of every source latent; 0 where it is left out."""
    target_sd: Float64[np.ndarray, " d_target"]
    """The same of every target latent."""
    importance: Float32[np.ndarray, " dt"]
    """Weight of each target in the loss, 1 on average."""
    penalty: Float32[np.ndarray, "ds dt"] | None
    """L1 penalty of each weight; None for none."""

    @property
    def dense(self) -> bool:
        """Whether dense products are the faster ones."""
        n, width = self.source.shape
        return bool(self.source.nnz > _DENSE_FROM * n * width)


def standard_problem(
    source: ConnectorEnd, target: ConnectorEnd, settings: ConnectorSettings
) -> StandardProblem:
    """What is fitted, of the latents that vary at both ends.

    Raises:
        InvalidInputError: no latent of an end varies, there are fewer tokens than source latents,
            or target codes are negative and the form has a ReLU.
    """
    if settings.form != "linear" and target.codes.is_signed:
        raise InvalidInputError(
            "target_codes hold negative values, which no ReLU gives: use --form linear (form=)"
        )
    source_sd, target_sd = (
        _spread(end, name) for end, name in ((source, "source"), (target, "target"))
    )
    sources, targets = np.flatnonzero(source_sd), np.flatnonzero(target_sd)
    n = source.codes.n_tokens
    if n <= sources.size:
        raise InvalidInputError(
            f"{n:,} tokens do not determine a map from {sources.size:,} source latents; give more "
            "tokens than latents, better a hundred times as many"
        )
    scale_in, scale_out = source_sd[sources], target_sd[targets]
    penalty = None
    if settings.l1 > 0:
        penalty = np.full((sources.size, targets.size), settings.l1, dtype=np.float32)
        if settings.loss == "global":
            penalty *= np.outer(_rms(scale_in) / scale_in, scale_out / _rms(scale_out))
    importance = np.ones(targets.size, dtype=np.float32)
    if settings.loss == "global":
        importance = np.square(scale_out / _rms(scale_out)).astype(np.float32)
    return StandardProblem(
        _standardised(source, sources, scale_in),
        _standardised(target, targets, scale_out),
        sources,
        targets,
        source_sd,
        target_sd,
        importance,
        penalty,
    )


def _spread(end: ConnectorEnd, name: str) -> Float64[np.ndarray, " d_sae"]:
    spread = np.sqrt(np.where(end.codes.varies, end.codes.variance, 0.0))
    if not spread.any():
        raise InvalidInputError(
            f"no latent of the {name} varies on these {end.codes.n_tokens:,} tokens: all are "
            "silent or constant; check that the codes are of this dictionary's own activations"
        )
    return spread


def _rms(values: Float64[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _standardised(
    end: ConnectorEnd, latents: Int64[np.ndarray, " n"], scale: Float64[np.ndarray, " n"]
) -> sparse.csr_array:
    kept = ConnectorEnd(take_latents(end.codes, latents)).by_token
    return sparse.csr_array(kept @ sparse.diags_array(1 / scale)).astype(np.float32)


def standard_start(
    problem: StandardProblem, start: AnalyticStart
) -> tuple[Float32[np.ndarray, "ds dt"], Float32[np.ndarray, " dt"]]:
    """An analytic start in standardised units, sources first.

    Raises:
        InvalidInputError: it is of other widths.
    """
    if start.W.shape != (problem.target_sd.size, problem.source_sd.size):
        raise InvalidInputError(
            f"start is of {start.W.shape[0]} x {start.W.shape[1]} latents, the codes are of "
            f"{problem.target_sd.size} x {problem.source_sd.size}"
        )
    scale_out = problem.target_sd[problem.targets]
    W = start.W[np.ix_(problem.targets, problem.sources)].T
    W = W * problem.source_sd[problem.sources][:, None] / scale_out
    return np.ascontiguousarray(W, dtype=np.float32), np.asarray(
        start.b[problem.targets] / scale_out, dtype=np.float32
    )


def at_their_latents(
    weights: Float32[np.ndarray, "ds dt"], problem: StandardProblem
) -> sparse.csr_array:
    """The weights at the numbers that their latents have in the dictionaries, targets first."""
    found = sparse.coo_array(weights.T)
    places = problem.targets[found.coords[0]], problem.sources[found.coords[1]]
    shape = problem.target_sd.size, problem.source_sd.size
    return sparse.csr_array((found.data, places), shape=shape)


def raw_weights(
    weights: Float32[np.ndarray, "ds dt"], problem: StandardProblem
) -> sparse.csr_array:
    """The weights in the units of the dictionaries, targets first; no zero is stored."""
    spread = at_their_latents(weights, problem)
    inverse = 1 / np.where(problem.source_sd > 0, problem.source_sd, 1.0)
    left, right = sparse.diags_array(problem.target_sd), sparse.diags_array(inverse)
    found = sparse.csr_array(left @ spread.astype(np.float64) @ right).astype(np.float32)
    found.eliminate_zeros()
    found.sort_indices()
    return found
