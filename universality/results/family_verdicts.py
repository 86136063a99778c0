"""What a study of many runs says of one latent, and of one family."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from universality.errors import InvalidInputError
from universality.results.grades import ALL_VIEWS, grade_column
from universality.results.latent_names import FAMILY, LatentAddress
from universality.results.studied import Stability
from universality.results.validity import withdrawal
from universality.results.verdict_record import Verdict
from universality.results.verdict_words import COMES_BACK, UNKNOWN, similarity_text

_BY_RULE = ("by", "grade", "found in runs", "family", "also in it")
_MEMBERS = ("run", "latent")


def verdict_of_many(result: Stability, address: LatentAddress) -> Verdict:
    """What a study of many runs says of one latent of a run, or of one family.

    Families are those by the headline rule (`family:12`) or by another (`family/decoder:12`).

    Raises:
        InvalidInputError: there is no such run, latent or family.
    """
    kind, _, rule = address.of.partition("/")
    if kind == FAMILY:
        return _of_family(result, rule or result.summary["headline_rule"], address.number)
    return _of_latent(result, address.of, address.number)


def _of_latent(result: Stability, run: str, latent: int) -> Verdict:
    row = _latent_of_run(result, run, latent)
    rules = [rule for rule in result.summary["families"] if f"family_{rule}" in row]
    table = pd.DataFrame([_by_rule(result, row, rule) for rule in rules])
    grade = str(row.get(grade_column(ALL_VIEWS), UNKNOWN))
    n_runs = result.summary.get("n_runs", len(result.summary["runs"]))
    rule = result.summary["headline_rule"]
    n_found = int(row.get(f"n_runs_found_{rule}", 0))
    by = rule.replace("_", " ")
    found = [
        *filter(None, [withdrawal(result.summary)]),
        _in_words(f"{run} {latent}", grade, f"{n_found} of {n_runs} runs by {by}"),
    ]
    if pd.notna(row.get("p_reappears")):
        found.append(COMES_BACK.format(p=f"{row['p_reappears']:.2f}"))
    return Verdict(
        of=f"{run} {latent}",
        grade=grade,
        sentences=tuple(found),
        views=table,
        shown=(_BY_RULE, *(_rule_shown(one, n_runs) for one in table.to_dict("records"))),
    )


def _of_family(result: Stability, rule: str, family: int) -> Verdict:
    if rule not in result.summary["families"]:
        rules = ", ".join(result.summary["families"])
        raise InvalidInputError(f"no families by {rule!r}; there are families by {rules}")
    of_rule = result.families[result.families["view"] == rule]
    rows = of_rule[of_rule["family"] == family].to_dict("records")
    by = rule.replace("_", " ")
    if not rows:
        raise InvalidInputError(f"no family {family} by {by}: there are {len(of_rule):,}, from 0")
    (row,) = rows
    members = _members(result.latents, rule, family)
    n_runs = result.summary.get("n_runs", len(result.summary["runs"]))
    found = [
        *filter(None, [withdrawal(result.summary)]),
        f"Family {family} by {by}: {row['kind']}, in {row['n_runs']} of {n_runs} runs; "
        f"mean similarity {similarity_text(row['mean_similarity'])}, "
        f"lowest {similarity_text(row.get('lowest_similarity'))}.",
    ]
    if pd.notna(row.get("missing_runs")) and row["missing_runs"]:
        found.append(f"Not in {row['missing_runs']}.")
    return Verdict(
        of=f"family {family}",
        grade=str(row["kind"]),
        sentences=tuple(found),
        views=members,
        shown=(_MEMBERS, *((str(run), str(latent)) for run, latent in members.to_numpy())),
    )


def _latent_of_run(result: Stability, run: str, latent: int) -> pd.Series:
    own = result.latents[result.latents["run"] == run]
    if own.empty:
        names = ", ".join(result.latents["run"].drop_duplicates().astype(str))
        raise InvalidInputError(f"no run {run!r} among those in the families: {names}")
    found = own[own["latent"] == latent]
    if found.empty:
        raise InvalidInputError(f"no latent {latent} in {run}: it has {len(own):,}, from 0")
    return found.iloc[0]


def _by_rule(result: Stability, row: pd.Series, rule: str) -> dict[str, Any]:
    family = int(row[f"family_{rule}"])
    members = _members(result.latents, rule, family) if family >= 0 else result.latents.iloc[:0]
    others = members[members["run"] != row["run"]]
    return {
        "view": rule,
        "grade": str(row.get(grade_column(rule), UNKNOWN)),
        "n_runs_found": int(row.get(f"n_runs_found_{rule}", 0)),
        "family": family,
        "members": [f"{run} {latent}" for run, latent in others[["run", "latent"]].to_numpy()],
    }


def _members(latents: pd.DataFrame, rule: str, family: int) -> pd.DataFrame:
    return latents.loc[latents[f"family_{rule}"] == family, ["run", "latent"]]


def _rule_shown(row: Mapping[Hashable, Any], n_runs: int) -> tuple[str, ...]:
    return (
        str(row["view"]).replace("_", " "),
        str(row["grade"]),
        f"{row['n_runs_found']} of {n_runs}",
        UNKNOWN if row["family"] == -1 else str(row["family"]),
        ", ".join(row["members"]) or UNKNOWN,
    )


def _in_words(latent: str, grade: str, where: str) -> str:
    said = "" if grade == UNKNOWN else f"{grade.capitalize()}: "
    match grade:
        case "rare":
            return f"{said}{latent} fires too rarely to be judged."
        case "dead":
            return f"{said}{latent} never fires, or has a row of zeros."
        case _:
            return f"{said}{latent} was found in {where}, its own counted."
