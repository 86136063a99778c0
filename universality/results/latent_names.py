"""How one latent, or one family, is named: `a:17`, `family:12`, `w2304-s0:17`."""

from __future__ import annotations

import re
from typing import NamedTuple

from universality.errors import InvalidInputError

_ADDRESS = re.compile(r"(?P<of>.+?)\s*[:/ ]\s*(?P<number>\d+)")

FAMILY = "family"


class LatentAddress(NamedTuple):
    """Whose, and which."""

    of: str
    """`a` or `b`, the name of a run, or `family`."""
    number: int
    """The latent, or the family, counted from 0."""


def latent_address(text: str) -> LatentAddress:
    """What the text names; `a:17`, `a/17` and `a 17` are the same.

    Raises:
        InvalidInputError: it is no such name.
    """
    found = _ADDRESS.fullmatch(text.strip().removeprefix("#"))
    if found is None:
        raise InvalidInputError(
            f"a latent is named as a:17, b:17 or RUN:17, a family as family:12; got {text!r}"
        )
    return LatentAddress(found["of"], int(found["number"]))
