"""The words of a verdict, and how its numbers are written: said here once, for every reader.

Terminal and notebook fill them in in Python, the page in JavaScript; a test holds both to the same
sentences for every latent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

HEADLINES: Final[Mapping[str, str]] = {
    "same": "Same: {latent} is also in {run}, at {threshold} or above by {views}.",
    "similar": "Similar: {latent} has a counterpart in {run}: {by_grade}.",
    "none": "None: no counterpart of {latent} was found in {run} by {views}.",
    "rare": "Rare: {latent} fires too rarely to be judged (rule: {rule}).",
    "dead": "Dead: {latent} never fires, or has a row of zeros.",
}
"""What is said of a latent by its grade over all views."""

ALONE: Final = "Its partner is {partner}."
AGREED: Final = "All views name the same latent, {partner}."
APART: Final = "The views do not name one latent: {named}."
COMES_BACK: Final = "Probability to come back in another run: {p}."

MEANINGS: Final[Mapping[str, str]] = {
    "same": "its one-to-one partner reaches the threshold",
    "similar": "it does not, but there is a counterpart above chance that no sibling explains",
    "none": "no counterpart was found",
    "rare": "fires, but too rarely to be judged",
    "dead": "never fires, or has a row of zeros",
}
"""Of the grades by one view; by several, none only where every view says so, else similar."""

HEADS: Final = (
    "view",
    "grade",
    "partner",
    "similarity",
    "unrelated runs",
    "q",
    "also near",
    "own run",
)
"""Columns of a verdict by view: similarity with the partner; what the nearest of unrelated runs has
on average; the nearest if it is another one, else the runner-up; the nearest of its own run."""

UNKNOWN: Final = "-"
BELOW: Final = 1e-300
"""Where floating point ends: what is smaller is said to be."""


def page_words() -> dict[str, Any]:
    """All of it, for a page that fills it in itself."""
    return {
        "headlines": dict(HEADLINES),
        "alone": ALONE,
        "agreed": AGREED,
        "apart": APART,
        "comes_back": COMES_BACK,
        "heads": HEADS,
        "unknown": UNKNOWN,
        "below": BELOW,
    }


def similarity_text(value: float | None) -> str:
    """With four decimals, so that .69993 does not look like the threshold it misses."""
    return UNKNOWN if value is None or math.isnan(value) else f"{value:.4f}"


def q_text(value: float | None, *, at_most: bool = False) -> str:
    """A p- or q-value: three decimals, or its power of ten, or that it is below what is counted."""
    if value is None or math.isnan(value):
        return UNKNOWN
    if value < BELOW:
        return f"below {BELOW:.0e}"
    return ("at most " if at_most else "") + _power_or_decimals(value)


def _power_or_decimals(value: float) -> str:
    if value >= 0.001:
        return f"{value:.3f}"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"
