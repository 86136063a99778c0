"""Fitting a connector: codes in, a sparse map out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Float32, Int64
from scipy import sparse
from tqdm import tqdm

from universality.connectors.analytic_map import AnalyticStart
from universality.connectors.connector import Connector
from universality.connectors.ends import END, ConnectorEnd, EndLike, as_end, check_ends
from universality.connectors.fit_settings import (
    CONNECTOR_TAKES,
    OPTIONS,
    ConnectorSettings,
    Form,
    LossKind,
    Start,
)
from universality.connectors.proximal import ProximalAdam
from universality.connectors.standard_units import (
    StandardProblem,
    at_their_latents,
    raw_weights,
    standard_problem,
    standard_start,
)
from universality.errors import InvalidInputError
from universality.validation import FLAG, Is, either, takes

_log = logging.getLogger(__name__)

_MEMORY, _LONG_MEMORY = 0.9, 0.99


@final
@dataclass(frozen=True, eq=False)
class FitFrame:
    """A connector on its way."""

    step: int
    """Steps taken before."""
    fvu: float
    """Mean over target latents of the variance unexplained, on the step's batch."""
    n_weights: int
    """Weights that are not zero."""
    weights: sparse.csr_array
    """Those of the first path, standardised, (d_target, d_source)."""


FrameKeeper: TypeAlias = Callable[[FitFrame], None]
"""Is given every frame."""


@takes(
    OPTIONS,
    source_codes=END,
    target_codes=END,
    start=either(Is((AnalyticStart,), "of `analytic_start`"), None),
    progress=FLAG,
    **CONNECTOR_TAKES,
)
def fit_connector(
    source_codes: EndLike,
    target_codes: EndLike,
    *,
    form: Form = "relu",
    init: Start = "zero",
    l1: float = 3e-3,
    loss: LossKind = "per_feature",
    steps: int = 1_500,
    batch_size: int = 1_024,
    learning_rate: float = 0.01,
    warm_up: float = 0.6,
    leak: float = 0.1,
    seed: int = 0,
    start: AnalyticStart | None = None,
    progress: bool = False,
) -> Connector:
    """The sparse map that predicts the target's codes from the source's, on the same tokens.

    After Mitchell (2023) and Riggs, Mitchell and Kaufman (2024), with three changes: a ReLU that
    leaks at first, so that rows do not die; a loss in which every target latent counts alike; and
    weights that the penalty sets to zero exactly. All tokens are fitted: judge the map on others
    (`judge_connector`).

    Cost: proportional to steps, tokens in a batch, active source latents and target latents.

    Args:
        source_codes: Codes of the earlier place: `encode`'s, an array (tokens, d_sae), or a
            `ConnectorEnd`, whose tokens are checked.
        target_codes: Codes of the later place on the same tokens.
        form: `relu`, `linear` or `skip`.
        init: `zero`, `random`, or `analytic` with a `start`.
        l1: Weight of the sum of a row's absolute weights beside its variance unexplained.
        loss: `per_feature` or `global`.
        steps: Steps of proximal Adam.
        batch_size: Tokens in each.
        learning_rate: Until the warm-up ends; then it falls to zero.
        warm_up: Share of the steps in which the ReLU leaks.
        leak: By how much.
        seed: Of the order of tokens and of a random start.
        start: The map that the weights between give, for `init="analytic"`.
        progress: Show a bar.

    Raises:
        InvalidInputError: the codes are of different tokens, of one dictionary, not finite, or too
            few; no latent varies on one side; target codes are negative and the form has a ReLU; or
            a start is missing or not wanted.
    """
    settings = ConnectorSettings(
        form, init, l1, loss, steps, batch_size, learning_rate, warm_up, leak, seed
    )
    ends = as_end(source_codes, "source_codes"), as_end(target_codes, "target_codes")
    return fitted(*ends, settings, start=start, progress=progress)


def fitted(
    source: ConnectorEnd,
    target: ConnectorEnd,
    settings: ConnectorSettings,
    *,
    start: AnalyticStart | None = None,
    n_frames: int = 0,
    keep: FrameKeeper | None = None,
    progress: bool = False,
) -> Connector:
    """As `fit_connector`; `keep` is given `n_frames` frames, evenly spaced, and the end.

    Raises:
        InvalidInputError: as `fit_connector`.
    """
    check_ends(source, target)
    problem = standard_problem(source, target, settings)
    state = _start(problem, settings, start)
    evenly = np.linspace(0, settings.steps, n_frames + 1).astype(int).tolist()
    shown = set(evenly) if keep is not None else set()
    batches = _batches(problem, settings)
    with tqdm(total=settings.steps, desc="connecting", unit="step", disable=not progress) as bar:
        for number, rows in enumerate(batches):
            weights = at_their_latents(state.W.weights, problem) if number in shown else None
            fvu = _step(state, problem, settings, number, rows)
            if keep is not None and weights is not None:
                keep(FitFrame(number, fvu, int(weights.nnz), weights))
            bar.update()
    if keep is not None:
        weights = at_their_latents(state.W.weights, problem)
        keep(FitFrame(settings.steps, fvu, int(weights.nnz), weights))
    found = _connector(state, problem, source, target, settings)
    if found.n_weights == 0:
        _log.warning("no weight is left: %s", why_empty(settings))
    return found


def why_empty(settings: ConnectorSettings) -> str:
    """Why a map that was fitted with these settings has no weight."""
    leaks = settings.leaky_steps > 0 and settings.leak > 0
    if settings.form != "linear" and settings.init == "zero" and not leaks:
        return (
            "with a plain ReLU a start at zero has no gradient, so nothing is ever learnt; give it "
            "a --warm-up in which it leaks"
        )
    return f"at --l1 {settings.l1:g} the penalty outweighs all that the source explains; lower it"


@final
@dataclass(frozen=True, eq=False)
class _State:
    """The arrays that are being fitted, sources first."""

    W: ProximalAdam
    b: ProximalAdam
    V: ProximalAdam | None


def _start(
    problem: StandardProblem, settings: ConnectorSettings, start: AnalyticStart | None
) -> _State:
    if (settings.init == "analytic") != (start is not None):
        raise InvalidInputError(
            "init='analytic' (--init analytic) needs `start`: the weights between the two places "
            "(--between FILE); other starts take none"
        )
    shape = problem.sources.size, problem.targets.size
    W, b = np.zeros(shape, dtype=np.float32), np.zeros(shape[1], dtype=np.float32)
    if settings.init == "random":
        generator = np.random.default_rng([settings.seed, 1])
        bound = shape[0] ** -0.5
        W = generator.uniform(-bound, bound, shape).astype(np.float32)
        b = generator.uniform(-bound, bound, shape[1]).astype(np.float32)
    if start is not None:
        W, b = standard_start(problem, start)
    past = ProximalAdam(np.zeros_like(W), problem.penalty) if settings.form == "skip" else None
    return _State(ProximalAdam(W, problem.penalty), ProximalAdam(b, None), past)


def _batches(
    problem: StandardProblem, settings: ConnectorSettings
) -> Iterator[Int64[np.ndarray, " n"]]:
    n = int(problem.source.shape[0])
    size, generator = min(settings.batch_size, n), np.random.default_rng([settings.seed, 0])
    order, at = generator.permutation(n), 0
    for _ in range(settings.steps):
        if at + size > n:
            order, at = generator.permutation(n), 0
        yield np.sort(order[at : at + size])
        at += size


def _rate(settings: ConnectorSettings, number: int) -> float:
    """Constant until the leak ends, then linearly to zero."""
    flat = round(settings.warm_up * settings.steps)
    left = (settings.steps - number) / max(1, settings.steps - flat)
    return settings.learning_rate * min(1.0, left)


def _step(
    state: _State,
    problem: StandardProblem,
    settings: ConnectorSettings,
    number: int,
    rows: Int64[np.ndarray, " n"],
) -> float:
    """One step on a batch; the mean over target latents of the variance unexplained before it."""
    taken, wanted = problem.source[rows], problem.target[rows]
    codes = taken.toarray() if problem.dense else taken
    pre = codes @ state.W.weights
    pre += state.b.weights
    slope = None if settings.form == "linear" else _slope(pre, settings, number)
    out = pre if slope is None else pre * slope
    if state.V is not None:
        out += codes @ state.V.weights
    error = out - wanted.toarray()
    fvu = float(np.vdot(error, error) / error.size)
    error *= problem.importance * np.float32(2 / len(rows))
    rate = _rate(settings, number)
    memory = _MEMORY if number < settings.leaky_steps else _LONG_MEMORY
    if state.V is not None:
        state.V.step(_product(codes, error), rate, memory=memory)
    if slope is not None:
        error *= slope
    state.W.step(_product(codes, error), rate, memory=memory)
    state.b.step(error.sum(axis=0), rate, memory=memory)
    return fvu


def _slope(
    pre: Float32[np.ndarray, "n dt"], settings: ConnectorSettings, number: int
) -> Float32[np.ndarray, "n dt"]:
    off = settings.leak if number < settings.leaky_steps else 0.0
    return np.where(pre > 0, np.float32(1), np.float32(off))


def _product(
    codes: sparse.csr_array | Float32[np.ndarray, "n ds"], error: Float32[np.ndarray, "n dt"]
) -> Float32[np.ndarray, "ds dt"]:
    return np.ascontiguousarray(codes.T @ error, dtype=np.float32)


def _connector(
    state: _State,
    problem: StandardProblem,
    source: ConnectorEnd,
    target: ConnectorEnd,
    settings: ConnectorSettings,
) -> Connector:
    b = np.where(problem.target_sd > 0, 0.0, target.codes.mean)
    b[problem.targets] = state.b.weights * problem.target_sd[problem.targets]
    return Connector(
        W=raw_weights(state.W.weights, problem),
        b=b.astype(np.float32),
        V=None if state.V is None else raw_weights(state.V.weights, problem),
        form=settings.form,
        source_sd=problem.source_sd,
        target_sd=problem.target_sd,
        source=source.key,
        target=target.key,
        settings=settings,
        n_tokens=source.codes.n_tokens,
    )
