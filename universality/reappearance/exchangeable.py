"""Whether runs are draws of one procedure, independent of each other."""

from __future__ import annotations

from collections.abc import Sequence

from universality.checks.check import Check
from universality.checks.seeds import check_shared_initialisation
from universality.checks.weights import check_same_weights
from universality.reappearance.domain import Recipe
from universality.runs.matched import MatchedPair, MatchedRuns

DEPENDENT = ("same_weights", "shared_initialisation")
"""Checks whose failure says that one run was made with the other."""

_WORDS = {
    "model_name": "model",
    "hook_name": "hook",
    "d_in": "d_in",
    "d_sae": "width",
    "architecture": "rule of the codes",
    "active": "sparsity",
    "presentations": "tokens of training",
}
_ALIKE = 1.1


def dependence(checks: Sequence[Check]) -> str:
    """Why a chance over runs means nothing for these, by the check's name; empty where it does."""
    failed = [one for one in checks if one.id in DEPENDENT and one.status == "fail"]
    if not failed:
        return ""
    return f"the runs are not independent ({failed[0].id}): {failed[0].message}"


def dependence_among(matched: MatchedRuns, group: Sequence[int]) -> str:
    """The same of some of several runs, with the first two that show it; empty where none do."""
    for (i, j), pair in matched.pairs.items():
        if i in group and j in group and (fault := dependence(_checks(pair))):
            return f"{pair.a.name} and {pair.b.name}: {fault}"
    return ""


def _checks(pair: MatchedPair) -> list[Check]:
    a, b = pair.a, pair.b
    return [
        check_same_weights(a.dictionary, b.dictionary, hashes=(a.sha256, b.sha256)),
        check_shared_initialisation(a.dictionary, b.dictionary, partners=pair.partners),
    ]


def recipe_differences(recipes: Sequence[Recipe]) -> str:
    """In what runs differ besides their seed, which one more run would too; empty for nothing."""
    found = [
        word
        for name, word in _WORDS.items()
        if _differ([getattr(recipe, name) for recipe in recipes])
    ]
    if not found:
        return ""
    return (
        f"the runs differ in {', '.join(found)}: a chance over them is that of one more run of "
        "the same mixture"
    )


def _differ(values: Sequence[str | int | float | None]) -> bool:
    numbers = [value for value in values if isinstance(value, int | float)]
    words = {value for value in values if isinstance(value, str)}
    return len(words) > 1 or (bool(numbers) and max(numbers) > _ALIKE * min(numbers))
