"""Constraints on arguments: what they admit, and how they say what they want."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from universality.errors import InvalidInputError
from universality.validation import (
    FLAG,
    PATH,
    Constraint,
    Number,
    OneOf,
    Several,
    as_tuple,
    either,
    takes,
)

WORDS = OneOf(("left", "right"))


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        (Number(0, 1), (0, 1, 0.5, np.float32(0.5)), (-0.1, 2, "0.5", True, np.nan, np.ones(1))),
        (Number(0, above=True), (0.1, 5), (0, -1, np.inf)),
        (Number(2, whole=True), (2, np.int64(3)), (1, 2.0, 2.5, "2", None)),
        (WORDS, ("left",), ("Left", "up", "", None, ["left"])),
        (Several(WORDS), ("left", ("left", "right"), ["right"]), ((), ("left", "left"), ("up",))),
        (FLAG, (True, False), (1, 0, None, "yes")),
        (PATH, ("here", Path("here")), (3, None, b"here")),
        (either(FLAG, None), (None, True), (0,)),
    ],
)
def test_a_constraint_admits_what_it_says(
    constraint: Constraint, good: tuple[Any, ...], bad: tuple[Any, ...]
) -> None:
    assert all(constraint.admits(value) for value in good)
    assert not any(constraint.admits(value) for value in bad)
    assert constraint.wanted


def test_a_function_names_the_argument_what_it_must_be_and_what_it_got() -> None:
    @takes(side=WORDS, n=Number(1, whole=True))
    def turn(side: str, *, n: int = 1) -> str:
        return side * n

    assert turn("left", n=2) == "leftleft"
    with pytest.raises(InvalidInputError, match="turn: side must be one of 'left', 'right', got 3"):
        turn(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="n must be a whole number of at least 1, got 0"):
        turn("left", n=0)
    with pytest.raises(TypeError, match="missing a required argument"):
        turn()  # type: ignore[call-arg]


def test_a_table_is_of_all_parameters() -> None:
    with pytest.raises(TypeError, match="not of its parameters"):

        @takes(side=WORDS)
        def turn(side: str, n: int) -> None:
            """Nothing."""


def test_a_word_is_a_tuple_of_one() -> None:
    assert as_tuple("left") == ("left",)
    assert as_tuple(["left", "right"]) == ("left", "right")
