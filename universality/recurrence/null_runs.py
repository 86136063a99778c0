"""What runs without anything in common give: the null of every many-run statistic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

from universality.nulls.null import find_null
from universality.runs.chance import NullStatistics, first_null_of
from universality.runs.partner_table import PartnerTable, with_both
from universality.runs.views import BOTH

_INDEPENDENT = "the spectrum takes a latent's chances in different runs as independent"
_NUMBERS = {2: "two", 3: "three"}


@final
@dataclass(frozen=True, eq=False)
class RunsNull:
    """Statistics of unrelated runs; whatever the null does not cover is missing from it."""

    name: str
    """Name of the null."""
    description: str
    """How it was drawn, in a sentence."""
    mean: Mapping[str, float]
    """Mean similarity of assigned pairs, by view."""
    share: Mapping[tuple[str, float | None], float]
    """Probability that a latent is found in another run, by rule and threshold."""
    cycle: Mapping[str, float]
    """Cycle consistency, by rule."""
    agreement: float | None
    """Decoder-encoder agreement; None where either view is missing."""
    by_name: Mapping[str, RunsNull] = field(default_factory=dict)
    """Every null that was drawn, this one's parts among them."""

    def others(self, value: Callable[[RunsNull], float | None]) -> dict[str, dict[str, float]]:
        """What every null that covers a statistic says of it, by name, for a summary."""
        said = {name: value(null) for name, null in self.by_name.items()}
        known = {name: number for name, number in said.items() if number is not None}
        return {"nulls": known} if known else {}


def null_from(nulls: Sequence[NullStatistics], n_runs: int) -> RunsNull:
    """Of each view, what the first null says that covers it; drawn in runs of this number."""
    names = dict.fromkeys(null.name for null in nulls)
    apart = {name: [null for null in nulls if null.name == name] for name in names}
    by_name = {name: _first_of(some, n_runs) for name, some in apart.items()}
    return replace(_first_of(nulls, n_runs), by_name=by_name)


def _first_of(nulls: Sequence[NullStatistics], n_runs: int) -> RunsNull:
    firsts = {view: first_null_of(view, nulls) for view in _views(nulls)}
    rules = dict(firsts)
    if {"decoder", "encoder"} <= set(firsts):
        rules[BOTH] = firsts["decoder"]
    told = list(dict.fromkeys(firsts.values()))
    return RunsNull(
        name="; ".join(null.name for null in told),
        description="; ".join(_description(null, n_runs) for null in told),
        mean={view: one.mean.averages[view, "assignment.mean"] for view, one in firsts.items()},
        share={
            (rule, threshold): float(share)
            for rule, one in rules.items()
            for threshold, share in zip(
                one.mean.thresholds, one.mean.shares[rule, "assignment"], strict=True
            )
        },
        cycle={rule: one.cycles[rule] for rule, one in rules.items() if rule in one.cycles},
        agreement=rules[BOTH].mean.averages["decoder_encoder", "agreement"]
        if BOTH in rules
        else None,
    )


def _views(nulls: Sequence[NullStatistics]) -> list[str]:
    views = [view for null in nulls for view, of in null.mean.averages if of == "assignment.mean"]
    return list(dict.fromkeys(views))


def _description(null: NullStatistics, n_runs: int) -> str:
    runs, plan = _NUMBERS[n_runs], null.plan
    if null.name == "tokens":
        return (
            f"activations: {plan.n_draws} draws of {runs} runs whose codes belong to other tokens "
            "(tokens null), at full width"
        )
    how = f"{find_null(null.name).description}; version {null.version}"
    return (
        f"{plan.n_draws} draws of {runs} unrelated runs ({how}) with {plan.n_a:,} of "
        f"{plan.full_n_a:,} latents; {_INDEPENDENT}"
    )


def random_assignments(matched: Mapping[str, PartnerTable]) -> RunsNull:
    """Assignments drawn uniformly and independently: exact, for files without weights.

    Whether two steps lead where one leads does not depend on whether the other view agrees, so
    cycles by both views have the chance 1/n of one view.
    """
    n = min(min(one.sizes) for one in matched.values())
    share: dict[tuple[str, float | None], float] = {(view, None): 1.0 for view in matched}
    rules = list(with_both(matched))
    if BOTH in rules:
        share[BOTH, None] = 1 / n
    return RunsNull(
        name="random assignments",
        description="assignments drawn uniformly and independently, exact",
        mean={},
        share=share,
        cycle=dict.fromkeys(rules, 1 / n),
        agreement=share.get((BOTH, None)),
    )
