"""Every fixture encodes and decodes as the library that wrote it does."""

from __future__ import annotations

import pytest
import torch

import universality as un
from tests.loading.fixtures import CASES, CHECKPOINTS, address, difference, expected, how
from universality.errors import UnsupportedError

ENCODED = [case for case in CASES if "codes" in expected(case)]
DIRECTIONS = [case for case in CASES if "codes" not in expected(case)]


@pytest.mark.parametrize("case", ENCODED)
def test_codes_and_reconstructions_are_the_original_librarys(case: str) -> None:
    theirs = expected(case)
    dictionary = un.load(address(case), **how(case))
    codes = dictionary.encode(theirs["x"])
    assert difference(codes, theirs["codes"]) <= 1e-6
    assert torch.equal(codes != 0, theirs["codes"] != 0)
    assert difference(dictionary.decode(codes, theirs["x"]), theirs["reconstruction"]) <= 1e-6


@pytest.mark.parametrize("case", ENCODED)
def test_the_expected_codes_discriminate(case: str) -> None:
    codes = expected(case)["codes"]
    assert 0 < int((codes != 0).sum()) < codes.numel()
    assert not torch.equal(codes[0], codes[1])


@pytest.mark.parametrize("case", DIRECTIONS)
def test_what_cannot_be_encoded_still_gives_directions_and_says_why(case: str) -> None:
    theirs = expected(case)
    dictionary = un.load(address(case), **how(case))
    assert torch.equal(dictionary.directions("decoder"), theirs["W_dec"])
    with pytest.raises(UnsupportedError, match="cannot encode with"):
        dictionary.encode(torch.zeros(1, dictionary.d_in))


def test_fixtures_are_small_and_all_of_them_are_tested() -> None:
    folders = {path.parent for path in CHECKPOINTS.rglob("*") if path.is_file()}
    addressed = {address(case).partition("#")[0] for case in CASES}
    for path in CHECKPOINTS.rglob("*"):
        if path.is_file():
            assert path.stat().st_size <= 10_240, path
    untested = [
        f
        for f in folders
        if not any(str(f).startswith(a) or a.startswith(str(f)) for a in addressed)
    ]
    assert not untested
