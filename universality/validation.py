"""What public functions take: a table of constraints on arguments, checked by one decorator.

After scikit-learn's `_param_validation`. A public function names a constraint for every parameter;
a test reads the tables and calls each function with a wrong type and a wrong value.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ParamSpec, Protocol, TypeVar, final, runtime_checkable

import numpy as np

from universality.errors import InvalidInputError

_P = ParamSpec("_P")
_R = TypeVar("_R")

CONSTRAINTS = "__constraints__"
"""Where a function keeps its table."""


@runtime_checkable
class Constraint(Protocol):
    """What an argument must be."""

    @property
    def wanted(self) -> str:
        """As the end of a sentence: "must be ..."."""

    def admits(self, value: Any) -> bool:
        """Whether it is."""


@final
@dataclass(frozen=True)
class Is:
    """An object of one of these types; `wanted` says it for people."""

    types: tuple[Any, ...]
    """Classes."""
    wanted: str
    """As the end of a sentence."""

    def admits(self, value: Any) -> bool:
        """Whether it is of one of the types."""
        return isinstance(value, self.types)


@final
@dataclass(frozen=True)
class Number:
    """A finite number in a closed interval, no bool; whole if that is asked for."""

    low: int | float = -math.inf
    """Least value."""
    high: int | float = math.inf
    """Greatest value."""
    whole: bool = False
    """Whether only whole numbers fit."""
    above: bool = False
    """Whether `low` itself is too low."""
    unit: str = ""
    """What is counted."""

    @property
    def wanted(self) -> str:
        """The kind and the interval."""
        kind = "a whole number" if self.whole else "a number"
        kind += f" of {self.unit}" if self.unit else ""
        if self.high < math.inf:
            return f"{kind} in {'(' if self.above else '['}{self.low:g}, {self.high:g}]"
        if self.low == -math.inf:
            return kind
        return f"{kind} {'above' if self.above else 'of at least'} {self.low:g}"

    def admits(self, value: Any) -> bool:
        """Whether it is one: NumPy's numbers too."""
        kind = "__index__" if self.whole else "__float__"
        if isinstance(value, bool | str) or not hasattr(value, kind) or _has_axes(value):
            return False
        number = float(value)
        low_enough = number > self.low if self.above else number >= self.low
        return low_enough and number <= self.high and math.isfinite(number)


@final
@dataclass(frozen=True)
class OneOf:
    """One of these words, in this spelling."""

    words: Collection[str]
    """All that fit."""

    @property
    def wanted(self) -> str:
        """The words."""
        return f"one of {', '.join(map(repr, self.words))}"

    def admits(self, value: Any) -> bool:
        """Whether it is one."""
        return isinstance(value, str) and value in self.words


@final
@dataclass(frozen=True)
class Several:
    """One or more of what another constraint admits, none twice; a single one counts as a list."""

    each: Constraint
    """What each one must be."""
    least: int = 1
    """How many there must be."""

    @property
    def wanted(self) -> str:
        """One or several."""
        return f"{self.each.wanted}, or a list of such without repetition"

    def admits(self, value: Any) -> bool:
        """Whether all are, and none is given twice."""
        if self.each.admits(value):
            return True
        if not isinstance(value, list | tuple) or len(value) < self.least:
            return False
        hashable = [one for one in value if isinstance(one, str | int | os.PathLike)]
        return all(map(self.each.admits, value)) and len(set(hashable)) == len(hashable)


@final
@dataclass(frozen=True)
class Tuple:
    """So many of what another constraint admits."""

    each: Constraint
    """What each one must be."""
    length: int
    """How many there are."""

    @property
    def wanted(self) -> str:
        """The length and what each is."""
        return f"{self.length} of: {self.each.wanted}"

    def admits(self, value: Any) -> bool:
        """Whether it is one."""
        right = isinstance(value, list | tuple) and len(value) == self.length
        return right and all(map(self.each.admits, value))


@final
@dataclass(frozen=True)
class Mapped:
    """A mapping of names to what another constraint admits."""

    each: Constraint
    """What each one must be."""

    @property
    def wanted(self) -> str:
        """What each is."""
        return f"a mapping of names, each to {self.each.wanted}"

    def admits(self, value: Any) -> bool:
        """Whether it is one."""
        named = isinstance(value, Mapping) and all(isinstance(one, str) for one in value)
        return named and all(map(self.each.admits, value.values()))


@final
@dataclass(frozen=True)
class Either:
    """One of several constraints; `None` among them admits None."""

    of: tuple[Constraint | None, ...]
    """The alternatives."""

    @property
    def wanted(self) -> str:
        """All of them."""
        return " or ".join("None" if one is None else one.wanted for one in self.of)

    def admits(self, value: Any) -> bool:
        """Whether any does."""
        return any(value is None if one is None else one.admits(value) for one in self.of)


@final
@dataclass(frozen=True)
class _Device:
    """A torch.device; torch is not imported for it."""

    wanted: str = "a torch.device"
    """As the end of a sentence."""

    def admits(self, value: Any) -> bool:
        """Whether it is one."""
        kind = type(value)
        return (kind.__module__, kind.__name__) == ("torch", "device")


FLAG = Is((bool,), "True or False")
PATH = Is((str, os.PathLike), "a path")
TEXT = Is((str,), "a text")
SECONDS = Either((Number(0, above=True), None))
DEVICE = Either((TEXT, _Device(), None))
CALLABLE = Is((Callable,), "a function")


def either(*of: Constraint | None) -> Either:
    """Any of these; None admits None."""
    return Either(of)


def check(
    owner: str,
    values: Mapping[str, Any],
    table: Mapping[str, Constraint],
    *,
    options: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Nothing, when every value fits the table; `options` are the names on the command line.

    Raises:
        InvalidInputError: one does not; names it, what it must be, and what was found.
    """
    for name, value in values.items():
        if not table[name].admits(value):
            spelled = f"{name} ({options[name]})" if name in options else name
            raise InvalidInputError(
                f"{owner}: {spelled} must be {table[name].wanted}, got {_shown(value)}"
            )


def takes(
    options: Mapping[str, str] = MappingProxyType({}), /, **table: Constraint
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """A decorator that checks the arguments of a public function against a table.

    `options` says how the command line calls those that it has.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(function)
        if set(table) != set(signature.parameters):
            raise TypeError(f"{function.__name__}: the table is not of its parameters")

        @functools.wraps(function)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            given = signature.bind(*args, **kwargs).arguments
            check(function.__name__, given, table, options=options)
            return function(*args, **kwargs)

        setattr(checked, CONSTRAINTS, table)
        return checked

    return decorate


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A list as a tuple, anything else as a tuple of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's own, anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _has_axes(value: Any) -> bool:
    return bool(getattr(value, "ndim", 0))


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | list | tuple | bool) else ""
    kind = type(value).__name__
    return f"{text[:80]}{'…' if len(text) > 80 else ''}" if text else f"an object of type {kind}"
