"""One table for the same runs: every published rule, its chance, and the floors beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never, final

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from universality.codes import Codes
from universality.compute.devices import resolve_device
from universality.rules.by_firing import MOST_PAIRS
from universality.rules.compared_runs import ComparedRuns, RuleReading
from universality.rules.rule import Need, PublishedRule
from universality.rules.rule_draws import UnrelatedDraw, draws_of, untrained_rows
from universality.runs.part import RunPart
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.runs.untrained import shortened_for, untrained_codes
from universality.runs.views import Traits

RULE_COLUMNS = (
    "rule",
    "quantity",
    "value",
    "null_mean",
    "null_sd",
    "n",
    "needs",
    "reason_skipped",
)
"""Of every table of rules; `floor_<name>` follows for each floor."""


@final
@dataclass(frozen=True, eq=False)
class RuledRuns:
    """The runs that rules read, as each kind of rule wants them."""

    same_space: ComparedRuns
    """Directions of the views that all share, and codes."""
    own_space: ComparedRuns
    """Decoder rows whatever their width, and codes: for rules on spaces."""
    with_truth: ComparedRuns | None
    """The truth as the first run; None where none is known."""
    documents: np.ndarray | None
    """Document of each common token; None without activations."""

    def of(self, rule: PublishedRule) -> ComparedRuns:
        """What a rule reads."""
        if "truth" in rule.needs:
            assert self.with_truth is not None
            return self.with_truth
        return self.own_space if rule.chance == "own" else self.same_space


def ruled(runs: RunSet, policy: Policy, truth: torch.Tensor | None = None) -> RuledRuns:
    """The runs as rules read them; `truth` holds the true features as rows, where they are known.

    A truth is left out where the runs' decoder rows have another width.
    """
    device = resolve_device(policy.device)
    traits = tuple(part.traits for part in runs.parts)
    rows = tuple(Traits(_decoder(part), part.codes) for part in runs.parts)
    known = None
    if truth is not None and "decoder" in runs.directions:
        only = tuple(Traits({"decoder": one.directions["decoder"]}) for one in traits)
        known = ComparedRuns((Traits({"decoder": truth}), *only), device)
    return RuledRuns(
        ComparedRuns(traits, device, runs.parts),
        ComparedRuns(rows, device, runs.parts),
        known,
        None if runs.table is None else runs.table.documents,
    )


def untrained_runs(runs: RunSet, policy: Policy) -> RuledRuns:
    """Runs of these shapes before any training, over the same tokens: a floor."""
    device = resolve_device(policy.device)
    same = ruled(runs, policy).same_space
    rows = untrained_rows(same, policy.seed) if runs.directions else [{} for _ in same.runs]
    codes: Sequence[Codes | None] = [None] * len(rows)
    if all(part.recorded is not None and part.dictionary.views for part in runs.parts):
        caches, _ = shortened_for(runs.parts)
        codes = untrained_codes(
            runs.parts, caches, seed=policy.seed, min_firing=policy.min_firing, device=device
        )
    both = tuple(Traits(one, fires) for one, fires in zip(rows, codes, strict=True))
    nothing = ComparedRuns((Traits({}),) * len(rows), device)
    return RuledRuns(ComparedRuns(both, device), nothing, None, None)


def rule_table(
    runs: RuledRuns,
    rules: Sequence[PublishedRule],
    policy: Policy,
    *,
    floors: Mapping[str, RuledRuns] | None = None,
) -> pd.DataFrame:
    """A row per rule and quantity, with the columns of `RULE_COLUMNS` and one for each floor.

    A rule that lacks what it needs has one row without numbers, which says what.
    """
    rows: list[dict[str, Any]] = []
    beside = {name: _values(one, rules) for name, one in (floors or {}).items()}
    for rule in tqdm(rules, desc="rules", leave=False, disable=None):
        needs = ", ".join(rule.needs)
        reason = _lacking(rule, runs)
        if reason:
            rows.append({"rule": rule.name, "needs": needs, "reason_skipped": reason})
            continue
        chance = _by_chance(rule, runs, policy)
        for number, reading in enumerate(rule.read(runs.of(rule))):
            drawn = [one[number].value for one in chance]
            found = {
                "rule": rule.name,
                "quantity": reading.quantity,
                "value": reading.value,
                "null_mean": float(np.mean(drawn)),
                "null_sd": float(np.std(drawn, ddof=1)),
                "n": reading.n,
                "needs": needs,
                "reason_skipped": reading.undefined or None,
            }
            key = rule.name, reading.quantity
            rows.append(found | {f"floor_{name}": one.get(key) for name, one in beside.items()})
    columns = [*RULE_COLUMNS, *(f"floor_{name}" for name in beside)]
    numbers = {name: float for name in columns if name.startswith(("value", "null_", "floor_"))}
    return pd.DataFrame(rows).reindex(columns=columns).astype(numbers)


def _values(runs: RuledRuns, rules: Iterable[PublishedRule]) -> dict[tuple[str, str], float]:
    return {
        (rule.name, reading.quantity): reading.value
        for rule in rules
        if not _lacking(rule, runs)
        for reading in rule.read(runs.of(rule))
    }


def _by_chance(rule: PublishedRule, runs: RuledRuns, policy: Policy) -> list[list[RuleReading]]:
    draws = draws_of(
        runs.of(rule),
        null=policy.nulls[0],
        n_draws=policy.n_draws,
        documents=runs.documents,
        seed=policy.seed,
    )
    return [_one_draw(rule, draw) for draw in draws]


def _one_draw(rule: PublishedRule, draw: UnrelatedDraw) -> list[RuleReading]:
    match rule.chance:
        case "each view":
            return rule.read(draw.each_view)
        case "both views":
            return rule.read(draw.both_views)
        case "tokens":
            return rule.read(draw.tokens)
        case "own":
            assert rule.read_by_chance is not None
            return rule.read_by_chance(draw.runs, draw.generator())
        case _:
            assert_never(rule.chance)


def _lacking(rule: PublishedRule, runs: RuledRuns) -> str:
    """What a rule needs and these runs have not; empty where they have everything."""
    reasons = [reason for need in rule.needs if (reason := _lack(need, runs))]
    if not reasons and rule.name == "gurnee2024":
        widest = max(run.n_latents for run in runs.same_space.runs)
        if widest**2 > MOST_PAIRS:
            reasons = [f"covariances of {widest:,} latents do not fit"]
    return "; ".join(reasons)


def _lack(need: Need, runs: RuledRuns) -> str:
    first = runs.same_space.runs[0]
    match need:
        case "decoder" | "encoder":
            return "" if need in first.directions else f"no {need} rows in one space"
        case "decoder rows":
            lacking = any("decoder" not in run.directions for run in runs.own_space.runs)
            return "no decoder rows" if lacking else ""
        case "activations":
            return "" if first.codes is not None else "no activations (--activations)"
        case "two widths":
            widths = {part.dictionary.d_sae for part in runs.own_space.parts}
            if not runs.own_space.parts:
                return "no runs of their own"
            return "" if len(widths) > 1 else "runs of one width"
        case "truth":
            return "" if runs.with_truth is not None else "no known truth (--truth)"
        case _:
            assert_never(need)


def _decoder(part: RunPart) -> dict[str, torch.Tensor]:
    if not part.dictionary.views:
        return {}
    return {"decoder": part.dictionary.directions("decoder")[part.alive.mask]}
