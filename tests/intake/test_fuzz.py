"""Wrong inputs of every kind: read, or one clear error, in bounded memory and in the end.

A sample, the same each time; `python -m tests.intake.campaign` takes thousands.
"""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.intake.campaign import outcome
from tests.intake.samples import SAMPLES

SLOW = {"comparison", "stability", "published comparison"} | {
    "figures of a comparison",
    "figures of a stability",
}
REFUSALS = {"FormatError", "InvalidInputError", "MissingFileError", "UnsafeFileError"}
REFUSALS |= {"OutputError", "UnsupportedError"}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_whole_input_is_read(kind: str, tmp_path: Path) -> None:
    SAMPLES[kind].make(tmp_path / "whole")
    SAMPLES[kind].use(tmp_path / "whole")


@pytest.mark.parametrize("kind", sorted(set(SAMPLES) - SLOW))
def test_wrong_inputs_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    check(kind, range(1_000, 1_016), tmp_path)


@pytest.mark.parametrize("kind", sorted(SLOW))
def test_wrong_results_are_drawn_or_refused(kind: str, tmp_path: Path) -> None:
    check(kind, range(1_000, 1_003), tmp_path)


def check(kind: str, seeds: range, place: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = {outcome(kind, seed, place) for seed in seeds}
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert outcomes <= REFUSALS | {"read"}
    assert grown < 2**20  # KiB: a gibibyte
