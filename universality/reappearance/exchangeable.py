"""Whether runs are draws of one procedure, independent of each other."""

from __future__ import annotations

from collections.abc import Sequence

from universality.checks.check import Check
from universality.checks.seeds import check_shared_initialisation
from universality.checks.weights import check_same_weights
from universality.reappearance.domain import Recipe
from universality.runs.matched import MatchedPair, MatchedRuns

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


def dependence_among(matched: MatchedRuns, group: Sequence[int]) -> str:
    """Why a chance over some runs means nothing, by the check that says it; empty where it does."""
    for (i, j), pair in matched.pairs.items():
        failed = [one for one in _checks(pair) if one.status == "fail"]
        if i in group and j in group and failed:
            two = f"{pair.a.name} and {pair.b.name}"
            return f"not independent ({failed[0].id}): {two}: {failed[0].message}"
    return ""


def _checks(pair: MatchedPair) -> list[Check]:
    """Whose failure says that one run was made with the other."""
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
