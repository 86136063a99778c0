"""What a latent may be about, as a computable proxy: a script, characters, a pattern, tokens."""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, final

from universality.errors import FormatError, InvalidInputError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain
from universality.validation import Is, Several

OUTSIDE = 1e-10
"""Probability of a character, or of a string, that does not belong (Bricken et al. 2023)."""


@final
@dataclass(frozen=True, eq=False)
class CharacterClass:
    """Text whose characters are drawn evenly from a set, such as base64 or DNA.

    A string has the product of its characters' probabilities: one over the size of the set inside
    of it, 1e-10 outside. White space that the first token brings along costs nothing; alone, or
    later, it is outside.
    """

    name: str
    """As it was asked for."""
    characters: frozenset[str]
    """The set."""
    least_tokens: int = 1
    """Shorter strings say nothing: one token of A, C, G or T is no DNA."""


@final
@dataclass(frozen=True, eq=False)
class Membership:
    """A context in which a string lies with some probability: what P(s | context) is by Bayes."""

    name: str
    """As it was asked for."""
    probability: Callable[[str], float]
    """P(context | s), from 0 to 1; below 1e-10 counts as that."""
    longest: int
    """Units that a string can have; longer ones are not tried."""


Proxy: TypeAlias = CharacterClass | Membership

PROXIES = Several(
    Is((str, Callable), "a proxy such as 'script:Han', or a function of a text"),
    least=0,
)
"""What public functions take for proxies."""

_CLASSES: dict[str, tuple[str, int]] = {
    "digit": (string.digits, 1),
    "upper": (string.ascii_uppercase, 1),
    "lower": (string.ascii_lowercase, 1),
    "letter": (string.ascii_letters, 1),
    "punctuation": (string.punctuation, 1),
    "hex": (string.digits + "abcdef", 2),
    "base64": (string.ascii_letters + string.digits + "+/", 2),
    "dna": ("ACGT", 2),
}
_LONGEST = 8


def read_proxy(spec: str | Callable[[str], float]) -> Proxy:
    """The proxy that a text or a function means.

    `script:Han`: characters whose Unicode name begins with that word (CJK for Han). `class:digit`:
    one of the character classes. `regex:...`: the string as a whole matches, white space at its
    ends aside. `tokens:FILE`: single tokens, one a line; without white space before them both
    spellings count, in JSON's quotes exactly what stands there. A function gets a string and gives
    the probability that it lies in the context.

    Raises:
        InvalidInputError: it is none of these, or names no such script, class or pattern.
        MissingFileError, FormatError: the file of tokens cannot be read.
    """
    if not isinstance(spec, str):
        name = getattr(spec, "__name__", type(spec).__name__)
        return Membership(f"function:{name}", spec, _LONGEST)
    kind, colon, rest = spec.partition(":")
    if not colon or kind not in _READERS or not rest:
        raise InvalidInputError(
            f"--proxy {spec!r}: expected script:NAME, class:NAME, regex:PATTERN or tokens:FILE"
        )
    return _READERS[kind](rest)


def _script(name: str) -> Membership:
    word = {"HAN": "CJK"}.get(name.upper(), name.upper())
    known = (unicodedata.name(chr(code), "") for code in range(0x20, 0x20000))
    if not any(one.split(" ")[0] == word for one in known):
        raise InvalidInputError(
            f"--proxy script:{name}: no character's Unicode name begins with {word}; say for "
            "example Latin, Cyrillic, Greek, Arabic, Hebrew, Han, Hiragana or Hangul"
        )

    def inside(text: str) -> float:
        text = text.strip()
        return float(
            bool(text) and all(unicodedata.name(one, "").split(" ")[0] == word for one in text)
        )

    return Membership(f"script:{name}", inside, 1)


def _class(name: str) -> CharacterClass:
    if name not in _CLASSES:
        raise InvalidInputError(
            f"--proxy class:{name}: known classes are {', '.join(_CLASSES)}; for others use regex:"
        )
    characters, least = _CLASSES[name]
    return CharacterClass(f"class:{name}", frozenset(characters), least)


def _regex(pattern: str) -> Membership:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InvalidInputError(
            f"--proxy regex:{pattern}: no regular expression ({error})"
        ) from error
    return Membership(
        f"regex:{pattern}",
        lambda text: float(compiled.fullmatch(text.strip()) is not None),
        _LONGEST,
    )


def _tokens(file: str) -> Membership:
    path = Path(file)
    check_plain(path)
    with damage_named(path):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    wanted = [_token(line, path) for line in lines if line.strip()]
    if not wanted:
        raise FormatError(f"{path}: names no token; write one a line")
    exact = {text for text, is_exact in wanted if is_exact}
    either = {text for text, is_exact in wanted if not is_exact}
    return Membership(
        f"tokens:{path.name}", lambda text: float(text in exact or text.strip() in either), 1
    )


def _token(line: str, path: Path) -> tuple[str, bool]:
    if not line.startswith('"'):
        return line.strip(), False
    try:
        return str(json.loads(line)), True
    except ValueError as error:
        raise FormatError(
            f"{path}: {line[:40]!r} begins with a quote and is no JSON text"
        ) from error


_READERS: Mapping[str, Callable[[str], Proxy]] = {
    "script": _script,
    "class": _class,
    "regex": _regex,
    "tokens": _tokens,
}


def named_proxies(specs: Sequence[str | Callable[[str], float]]) -> list[Proxy]:
    """The proxies, read.

    Raises:
        InvalidInputError, MissingFileError, FormatError: as `read_proxy`; or two have one name.
    """
    found = [read_proxy(spec) for spec in specs]
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"--proxy: two have the name {max(names, key=names.count)!r}")
    return found
