"""What a saved result says of one latent or one family: a grade, sentences, numbers by view.

The one place where a verdict is given. Page, terminal and notebook show it in its own words.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, assert_never

import numpy as np
import pandas as pd

from universality.errors import InvalidInputError
from universality.results.compared import Comparison, null_name
from universality.results.family_verdicts import verdict_of_many
from universality.results.grades import (
    ALL_VIEWS,
    grade_by_view,
    grade_column,
    with_grades_together,
)
from universality.results.latent_names import LatentAddress, latent_address
from universality.results.studied import Stability
from universality.results.validity import withdrawal
from universality.results.verdict_record import Verdict
from universality.results.verdict_words import (
    AGREED,
    ALONE,
    APART,
    COMES_BACK,
    HEADLINES,
    HEADS,
    UNKNOWN,
    q_text,
    similarity_text,
)
from universality.validation import Is, Number, either, takes

_AGAINST = {"a": ("b", "a_to_b"), "b": ("a", "b_to_a")}


@takes(
    result=Is((Comparison, Stability), "a result of `compare` or `stability`"),
    latent=Is((str,), "a name such as 'a:17' or 'family:12'"),
    threshold=either(Number(0, 1), None),
)
def verdict(
    result: Comparison | Stability, latent: str, *, threshold: float | None = None
) -> Verdict:
    """What a result says of one latent: `a:17`, `b:17`; of many runs `RUN:17` or `family:12`.

    The grades follow from the tables: see docs/results.md, `grade_<view>`.

    Args:
        result: Of two runs, or of many.
        latent: Whose it is and its number, with a colon.
        threshold: From which two latents of two runs count as the same; by default that of the
            result.

    Raises:
        InvalidInputError: the name is none, or the result has no such latent or family.
    """
    address = latent_address(latent)
    match result:
        case Comparison():
            latents = {"a": result.latents_a, "b": result.latents_b}
            return verdict_of_two(result.summary, latents, address, threshold=threshold)
        case Stability():
            if threshold is not None:
                raise InvalidInputError("families have the threshold of their study; give none")
            return verdict_of_many(result, address)
        case _:
            assert_never(result)


def verdict_of_two(
    summary: dict[str, Any],
    latents: Mapping[str, pd.DataFrame],
    address: LatentAddress,
    *,
    threshold: float | None = None,
) -> Verdict:
    """The verdict on one latent of a or b, by the summary and the tables of latents by side.

    Raises:
        InvalidInputError: there is no such latent.
    """
    side, latent = address
    row, views = _row(summary, latents, address), list(summary["views"])
    at = float(summary["policy"]["threshold"]) if threshold is None else threshold
    graded = with_all_grades(row, views, at, anew=threshold is not None)
    table = pd.DataFrame([_by_view(summary, graded, side, view) for view in views])
    grade = str(graded[grade_column(ALL_VIEWS)].iloc[0])
    return Verdict(
        of=f"{side} {latent}",
        grade=grade,
        sentences=_sentences(summary, address, grade, table, at, graded),
        views=table,
        shown=(HEADS, *(_shown(one, side) for one in table.to_dict("records"))),
    )


def _row(
    summary: dict[str, Any], latents: Mapping[str, pd.DataFrame], address: LatentAddress
) -> pd.DataFrame:
    side, latent = address
    if side not in _AGAINST:
        raise InvalidInputError(
            f"a comparison has latents of a and of b, such as a:17; got {side!r}; families are in "
            "results of `universality stability`"
        )
    if latent >= len(latents[side]):
        raise InvalidInputError(
            f"no latent {latent} in {side} ({summary[side]['name']}): it has "
            f"{len(latents[side]):,}, counted from 0"
        )
    return latents[side].iloc[[latent]]


def with_all_grades(
    latents: pd.DataFrame, views: list[str], threshold: float, *, anew: bool = False
) -> pd.DataFrame:
    """The table with a grade for each latent by each view and by all.

    Those it holds are left as they are, unless they are asked for anew, at another threshold;
    results of 0.1 hold none.
    """
    if not anew and grade_column(ALL_VIEWS) in latents:
        return latents
    alive = latents["alive"].to_numpy(bool)
    apart = _apart(latents, views)
    given = {
        grade_column(view): grade_by_view(
            latents, view, takes_part=alive, apart=apart, threshold=threshold
        )
        for view in views
    }
    return with_grades_together(latents.assign(**given), views)


def chance_of(summary: Mapping[str, Any], side: str, view: str) -> float:
    """Mean similarity of a latent of a side with its nearest, in unrelated runs."""
    return float(summary["views"][view]["greedy"][_AGAINST[side][1]]["null_mean"])


def _apart(latents: pd.DataFrame, views: list[str]) -> np.ndarray:
    """Of latents that took no part: rare where they were seen to fire."""
    if grade_column(views[0]) in latents:
        return latents[grade_column(views[0])].to_numpy(dtype=object)
    density = latents.get("log_density", pd.Series(-np.inf, index=latents.index))
    return np.where(density.to_numpy(float) > -np.inf, "rare", "dead").astype(object)


def _by_view(summary: dict[str, Any], graded: pd.DataFrame, side: str, view: str) -> dict[str, Any]:
    one = graded.iloc[0].to_dict()
    partner, nearest = int(one[f"partner_{view}"]), int(one[f"nearest_{view}"])
    near = float(one[f"nearest_similarity_{view}"])
    aside = (nearest, near)
    if nearest == partner:
        aside = (int(one.get(f"runner_up_{view}", -1)), near - float(one[f"margin_{view}"]))
    q = one.get(f"q_value_{view}")
    return {
        "view": view,
        "grade": str(one[grade_column(view)]),
        "partner": partner,
        "similarity": float(one[f"partner_similarity_{view}"]),
        "chance": chance_of(summary, side, view),
        "null": null_name(summary, view),
        "q_value": float("nan") if q is None or pd.isna(q) else float(q),
        "q_is_bound": f"p_bound_{view}" in one,
        "also_near": aside[0],
        "also_near_similarity": aside[1],
        "own_nearest": int(one.get(f"own_nearest_{view}", -1)),
        "own_nearest_similarity": float(one.get(f"own_nearest_similarity_{view}", np.nan)),
    }


def _shown(row: Mapping[Hashable, Any], side: str) -> tuple[str, ...]:
    other = _AGAINST[side][0]
    return (
        row["view"],
        row["grade"],
        f"{other} {row['partner']}" if row["partner"] >= 0 else UNKNOWN,
        similarity_text(row["similarity"]),
        similarity_text(row["chance"]),
        q_text(row["q_value"], at_most=row["q_is_bound"]),
        _named(other, row["also_near"], row["also_near_similarity"]) or UNKNOWN,
        # Results of 0.1 and 0.2 say how near it is, and not which one it is.
        _named(side, row["own_nearest"], row["own_nearest_similarity"])
        or similarity_text(row["own_nearest_similarity"]),
    )


def _named(side: str, latent: int, similarity: float) -> str:
    """`b 17 at .5000`; empty where there is none, or none is known."""
    return f"{side} {latent} at {similarity_text(similarity)}" if latent >= 0 else ""


def _sentences(
    summary: dict[str, Any],
    address: LatentAddress,
    grade: str,
    table: pd.DataFrame,
    threshold: float,
    graded: pd.DataFrame,
) -> tuple[str, ...]:
    side, other = address.of, _AGAINST[address.of][0]
    words = {
        "latent": f"{side} {address.number}",
        "run": f"{other} ({summary[other]['name']})",
        "rule": summary[side]["alive_source"],
        "threshold": f"{threshold:g}",
        "views": ", ".join(table["view"]),
        "by_grade": _by_grade(table),
    }
    found = [*filter(None, [withdrawal(summary)]), HEADLINES[grade].format(**words)]
    found += _agreement(table, grade, other)
    if "p_reappears" in graded and pd.notna(graded["p_reappears"].iloc[0]):
        found.append(COMES_BACK.format(p=f"{graded['p_reappears'].iloc[0]:.2f}"))
    return tuple(found)


def _by_grade(table: pd.DataFrame) -> str:
    """Which views say what: `same by activations; similar by decoder, encoder`."""
    some = {
        grade: table.loc[table["grade"] == grade, "view"].tolist()
        for grade in ("same", "similar", "none")
    }
    return "; ".join(f"{grade} by {', '.join(views)}" for grade, views in some.items() if views)


def _agreement(table: pd.DataFrame, grade: str, other: str) -> list[str]:
    """Whether the views name one partner; a latent found nowhere has none worth naming apart."""
    partners = table["partner"].tolist()
    if partners[0] >= 0 and set(partners) == {partners[0]}:
        said = ALONE if len(partners) == 1 else AGREED
        return [said.format(partner=f"{other} {partners[0]}")]
    if grade != "similar":
        return []
    pairs = zip(table["view"], partners, strict=True)
    named = (f"{view} {other} {one}" if one >= 0 else f"{view} none" for view, one in pairs)
    return [APART.format(named=", ".join(named))]
