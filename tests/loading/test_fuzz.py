"""Broken checkpoints: a dictionary that is what it says, or one clear error, in bounded memory."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.loading.fixtures import CASES
from tests.loading.mutations import outcome

MUTATIONS_PER_CASE = 24
REFUSALS = {
    "FormatError",
    "InvalidInputError",
    "MissingFileError",
    "UnsafeFileError",
    "UnsupportedError",
}


def test_there_are_at_least_two_thousand_mutations() -> None:
    assert len(CASES) * MUTATIONS_PER_CASE >= 2000


@pytest.mark.parametrize("case", CASES)
def test_a_broken_checkpoint_is_refused_or_is_a_dictionary(case: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = {outcome(case, seed, tmp_path) for seed in range(MUTATIONS_PER_CASE)}
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert outcomes <= REFUSALS | {"Dictionary"}
    assert outcomes & REFUSALS
    assert grown < 2**20  # KiB: a gibibyte
