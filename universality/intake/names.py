"""Names and texts from outside, made fit to be printed, drawn and written."""

from __future__ import annotations

import re
from typing import Any

_SURROGATES = re.compile(r"[\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text with every control character and lone surrogate written as an escape, such as \x1b.

    Names of files may hold any of these; raw, they could clear a screen or forge a line on it.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


def all_visible(content: Any) -> Any:
    """The same lists and mappings with every text in them as `visible` gives it."""
    match content:
        case str():
            return visible(content)
        case dict():
            return {all_visible(key): all_visible(value) for key, value in content.items()}
        case list() | tuple():
            return [all_visible(value) for value in content]
        case _:
            return content


def well_formed(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, which no encoding can write.

    Common in crawls and in texts out of PDF files, where half of a character was cut off.
    """
    return _SURROGATES.sub("\ufffd", text)


def show_names(thing: object, *fields: str) -> None:
    """Make the texts in these fields of a frozen dataclass `visible`, while it is being made.

    What is kept of a name is for people; files are reached by their paths.
    """
    for field in fields:
        value = getattr(thing, field)
        if isinstance(value, str):
            object.__setattr__(thing, field, visible(value))
        elif isinstance(value, tuple):
            object.__setattr__(thing, field, tuple(visible(one) for one in value))
