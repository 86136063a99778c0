"""Published rules applied to runs: the table, and whether it may be read as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import pandas as pd
import torch

from universality.checks import run_checks
from universality.checks.about_run import about_run, check_records
from universality.checks.given_activations import check_caches
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.results import judge
from universality.rules.published import rules_named
from universality.rules.rule_table import RuledRuns, rule_table, ruled, untrained_runs
from universality.runs.common_tokens import CACHES, Activations, cache_for, open_caches
from universality.runs.matched import partner_numbers
from universality.runs.opening import RUN, Run, dictionary_of, open_run, open_runs
from universality.runs.policy import POLICY, Policy
from universality.runs.run_set import RunSet, gather_runs
from universality.validation import FLAG, TEXT, Mapped, Several, either, takes

RULES_SCHEMA = "universality.rules/1"
"""Written into every summary of rules."""


@final
@dataclass(frozen=True, eq=False)
class RulesApplied:
    """What every rule says of the same runs."""

    summary: dict[str, Any]
    """Runs, policy, checks, validity and the table as records, ready for JSON."""
    table: pd.DataFrame
    """A row per rule and quantity: `RULE_COLUMNS`, and `floor_<name>` for each floor."""
    runs: RunSet
    """The runs that the rules were applied to."""
    policy: Policy
    """What was decided beforehand."""


@takes(
    runs=Several(RUN),
    rules=Several(TEXT),
    policy=POLICY,
    activations=CACHES,
    truth=either(RUN, None),
    floors=either(Mapped(Several(RUN)), None),
    untrained=FLAG,
)
def apply_rules(
    runs: Run | Sequence[Run],
    rules: Sequence[str] = ("all",),
    policy: Policy | None = None,
    *,
    activations: Activations = (),
    truth: Run | None = None,
    floors: Mapping[str, Sequence[Run]] | None = None,
    untrained: bool = True,
) -> RulesApplied:
    """What published rules say of two runs or more, each beside its own chance and the floors.

    Every rule has its own sign, threshold and view; of the policy only the nulls, the draws, the
    seed and which latents are alive count. A rule that lacks what it needs says so.

    Args:
        runs: As `stability` takes them.
        rules: Names or aliases of rules, or `all`.
        policy: What was decided beforehand.
        activations: Caches of the same texts, for rules on firing.
        truth: The true features, for the rule that is stated against them.
        floors: By name (`frozen_decoder`, `same_start`, ...), runs that a claim must beat, two or
            more each; the same rules are applied to them, on the same activations.
        untrained: Whether the floor of runs at initialisation is drawn as well.

    Raises:
        InvalidInputError: an argument does not fit, there is no such rule, fewer than two runs, or
            the truth lies in another space.
    """
    policy = policy or Policy()
    gathered = gather_for_rules(runs, policy, activations)
    chosen = rules_named(rules)
    known = None if truth is None else dictionary_of(open_run(truth))
    subject = ruled(gathered, policy, _rows_of(known, gathered))
    beside = {"untrained": untrained_runs(gathered, policy)} if untrained else {}
    names = {}
    for name, one in (floors or {}).items():
        floor = gather_for_rules(list(one), policy, activations)
        beside[name] = ruled(floor, policy, _rows_of(known, floor))
        names[name] = list(floor.names)
    table = rule_table(subject, chosen, policy, floors=beside)
    checks = _checks(gathered, subject, policy)
    summary = {
        "schema": RULES_SCHEMA,
        "validity": judge(checks),
        "runs": [about_run(part) for part in gathered.parts],
        "policy": {
            "null": policy.nulls[0],
            "n_draws": policy.n_draws,
            "seed": policy.seed,
            "alive": policy.alive,
        },
        "floors": names,
        "rules": as_rule_records(table),
        "checks": checks,
    }
    return RulesApplied(summary, table, gathered, policy)


def as_rule_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table of rules for JSON: null where there is no number."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.astype(object).to_dict("records")
    ]


def gather_for_rules(runs: Run | Sequence[Run], policy: Policy, activations: Activations) -> RunSet:
    """The runs, encoded on the activations where there are any.

    Raises:
        InvalidInputError: as `gather_runs`.
    """
    opened = open_runs(runs)
    given = open_caches(activations, rows=policy.rows)
    caches = [cache_for(dictionary_of(run), given) for run in opened] if given else []
    return gather_runs(opened, policy, caches)


def _rows_of(truth: Dictionary | None, runs: RunSet) -> torch.Tensor | None:
    if truth is None:
        return None
    widths = {int(part.dictionary.W_dec.shape[1]) for part in runs.parts}
    rows = truth.directions("decoder")
    if widths != {int(rows.shape[1])}:
        raise InvalidInputError(
            f"--truth has features in {rows.shape[1]} dimensions, the runs write in "
            f"{', '.join(map(str, sorted(widths)))}: give the truth of these runs"
        )
    return rows[(rows != 0).any(dim=1)]


def _checks(runs: RunSet, subject: RuledRuns, policy: Policy) -> list[dict[str, Any]]:
    """Every check of two runs, over all pairs; of more than two the pair is named."""
    found = []
    compared = subject.same_space
    for i, j in compared.pairs:
        a, b = runs.parts[i], runs.parts[j]
        views = [view for view in runs.view_names if view in a.directions]
        checks = run_checks(
            a.dictionary,
            b.dictionary,
            alive=(a.alive, b.alive),
            partners={view: partner_numbers(a, b, compared.matching(i, j, view)) for view in views},
            hashes=(a.sha256, b.sha256),
            align=policy.align,
        )
        if a.recorded is not None and b.recorded is not None:
            checks += check_caches(a.dictionary, b.dictionary, (a.recorded, b.recorded))
        named = f"{a.name} and {b.name}: " if len(runs.parts) > 2 else ""
        found += [
            record | {"message": f"{named}{record['message']}"} for record in check_records(checks)
        ]
    return found
