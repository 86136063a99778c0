"""The search for the best assignment: solve on few pairs, price all others, until none is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64

from universality.compute.watch import Monitor
from universality.matching.exact.completion import complete
from universality.matching.exact.listed import Hits
from universality.matching.exact.pool import Pool
from universality.matching.exact.pricing import in_doubt, price_rest
from universality.matching.exact.restricted import Core, solve_core
from universality.matching.tiling import Plan
from universality.similarity import Similarity

_TOLERANCE = 1e-10
_ROUGH = 0.1


@final
@dataclass(frozen=True, eq=False)
class Found:
    """An assignment of all of a, with potentials that bound every similarity; n_a <= n_b."""

    partner: Int64[np.ndarray, " n_a"]
    """Partner in b of each latent of a."""
    u: Float64[np.ndarray, " n_a"]
    """Potential of each latent of a."""
    v: Float64[np.ndarray, " n_b"]
    """Potential of each latent of b."""
    rounds: int
    """How many cores were solved."""


def search(similarity: Similarity, hits: Hits, *, plan: Plan, monitor: Monitor) -> Found:
    """The best assignment over all pairs, or when time runs out a good one with a true bound."""
    pool = Pool(similarity, hits, core=plan.core)
    core: Core | None = None
    rounds = violations = 0
    while True:
        rounds += 1
        core = solve_core(
            *pool.chosen,
            before=core,
            rough=violations > _ROUGH * similarity.shape[0],
            shape=similarity.shape,
            monitor=monitor,
        )
        if monitor.expired:
            return _unfinished(pool, core, rounds)
        while not (violations := pool.price(core, tolerance=_TOLERANCE, near=plan.near)):
            if not price_rest(pool, core, plan=plan, tolerance=_TOLERANCE, monitor=monitor):
                return _finished(pool, core, rounds, plan)
        if monitor.shown:
            gap = f"{_excess(pool, core).sum():.2g}"
            monitor.report("assigning", round=rounds, violations=violations, gap=gap)


def _finished(pool: Pool, core: Core, rounds: int, plan: Plan) -> Found:
    u = core.u + pool.excess_of_rows(core)
    u[in_doubt(pool, core, plan=plan, slack=0.0)] += 2 * _TOLERANCE
    return Found(core.partner, u, core.v, rounds)


def _excess(pool: Pool, core: Core) -> Float64[np.ndarray, " n_a"]:
    """By how much any pair of each latent of a can exceed its potentials, coarsely; at least 0."""
    return np.asarray(np.maximum(pool.excess_of_rows(core), pool.bound_of_rows(core)))


def _unfinished(pool: Pool, core: Core, rounds: int) -> Found:
    u = core.u + _excess(pool, core)
    whole = [
        complete(start, pool.a, pool.b, value=pool.upper, n_b=len(core.v))
        for start in (core.partner, np.full_like(core.partner, -1))
    ]
    return Found(max(whole, key=pool.total), u, core.v, rounds)
