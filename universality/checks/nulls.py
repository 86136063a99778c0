"""Whether a null has room to take the runs apart."""

from __future__ import annotations

from collections.abc import Mapping

from universality.checks.check import Check

_NO_ROOM = 0.5


def check_room(null: str, cosine: Mapping[str, float]) -> Check:
    """Whether draws of a null move the rows of b, by view.

    `cosine` is the median cosine of a row with its own draw. A row that lies along an axis of its
    own eigenvalue stays where it is, and so does its likeness to a: the null then contains what it
    should be compared with.
    """
    view = max(cosine, key=lambda name: cosine[name])
    most = cosine[view]
    message = (
        f"a draw of the {null} null leaves rows at a median cosine of {most:.2f} to themselves"
    )
    if most <= _NO_ROOM:
        return Check("null_room", "ok", most, f"{message} in the {view}")
    return Check(
        "null_room",
        "warn",
        most,
        f"{message} in the {view}, whose energy lies along few axes: this null has no room there, "
        "and being close to it says nothing",
    )
