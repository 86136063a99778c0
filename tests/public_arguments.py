"""Wrong arguments for every public function, made from the tables of what they take.

Run as a script, so that no type checker of the test run stands before the functions, it prints a
sentence for every wrong argument that did not give our error, and leaves with 1 if there is one.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

import universality as un
from tests.made_results import made_comparison, made_stability
from tests.made_runs import make_run, unit_rows
from universality.codes import from_batches
from universality.dictionary import DICTIONARY_TAKES
from universality.runs.policy import POLICY_TAKES
from universality.training.architectures.topk import TopKRecipe
from universality.training.settings import SETTINGS_TAKE
from universality.validation import (
    CONSTRAINTS,
    Constraint,
    Either,
    Is,
    Mapped,
    Number,
    OneOf,
    Several,
    Tuple,
)

CLASSES: Mapping[str, Mapping[str, Constraint]] = {
    "Dictionary": DICTIONARY_TAKES,
    "Policy": POLICY_TAKES,
    "TrainingSettings": SETTINGS_TAKE,
}
"""Classes that users make, with the tables of their fields."""

RESULTS = (
    "Calibration",
    "Comparison",
    "Connector",
    "Investigation",
    "Label",
    "Matching",
    "PartialMatching",
    "Stability",
    "Transport",
    "UniversalityError",
)
"""Classes that users are given."""

_ODD = (object(), 3.7, -3, "", "No Such Thing", True, None, (), ["x", "x"], float("nan"), b"x", {})


def public_functions() -> dict[str, Callable[..., Any]]:
    """Every public name that is no result: functions and classes, those of figures too."""
    names = [name for name in un.__all__ if name not in (*RESULTS, "__version__")]
    figures = {f"figures.{name}": getattr(un.figures, name) for name in un.figures.__all__}
    return {name: getattr(un, name) for name in names} | figures


def table_of(name: str, function: Callable[..., Any]) -> Mapping[str, Constraint]:
    """What a public name takes."""
    found: Mapping[str, Constraint] = CLASSES.get(name) or getattr(function, CONSTRAINTS, {})
    return found


def failures() -> Iterator[str]:
    """A sentence for every wrong argument that does not give our error."""
    for name, function in public_functions().items():
        table = table_of(name, function)
        required = {
            parameter: _good(table[parameter])
            for parameter, spec in inspect.signature(function).parameters.items()
            if spec.default is inspect.Parameter.empty and parameter in table
        }
        for parameter, constraint in table.items():
            for value in _bad(constraint):
                try:
                    function(**required | {parameter: value})
                except un.UniversalityError as error:
                    if f" {parameter}" not in f" {error}":
                        yield f"{name}({parameter}={value!r}) blames another: {error}"
                except Exception as error:
                    yield f"{name}({parameter}={value!r}) gives {type(error).__name__}: {error}"
                else:
                    yield f"{name}({parameter}={value!r}) is accepted"


def _good(constraint: Constraint) -> Any:
    match constraint:
        case Number(low=low, whole=whole):
            return int(low) + 1 if whole else low + 0.1
        case OneOf(words=words):
            return next(iter(words))
        case Several(each=each):
            return (_good(each),)
        case Either(of=of):
            return None if None in of else _good(next(one for one in of if one is not None))
        case Mapped():
            return {}
        case Tuple(each=each, length=length):
            return (_good(each),) * length
        case Is(types=types):
            made = (value for value in _made() if isinstance(value, types))
            found = next(made, None)
            return object.__new__(types[0]) if found is None else found
        case _:
            raise TypeError(f"no good value is known for {constraint}")


def _made() -> Iterator[Any]:
    rows = unit_rows(4, 3, seed=0)
    table = made_comparison().pairs
    yield from (table, table["a"])
    yield from (True, "word", Path("nowhere"), rows, make_run(rows), made_comparison())
    yield from (made_stability(), torch.float32, un.match(rows, rows, progress=False))
    yield from (from_batches([rows.abs()], 3), Figure().subplots(), len, [], {}, 3, None)
    yield from (un.TrainingSettings(d_sae=64), TopKRecipe(k=2))


def _bad(constraint: Constraint) -> Iterator[Any]:
    """Values of wrong types, and wrong values of the right type."""
    near: list[Any] = []
    for one in constraint.of if isinstance(constraint, Either) else (constraint,):
        match one:
            case Number(low=low, high=high):
                near += [low - 1, high + 1, float("inf"), str(low), np.array([0.5])]
            case OneOf(words=words):
                near += [word.capitalize() for word in words] + [f"{next(iter(words))} "]
            case Several(each=each):
                near += [[*[value], value] for value in [_good(each)] if isinstance(value, str)]
                near += [[value] for value in _bad(each)]
            case _:
                pass
    yield from (value for value in [*near, *_ODD] if not constraint.admits(value))


if __name__ == "__main__":
    found = list(failures())
    sys.stdout.write("".join(f"{one}\n" for one in found))
    sys.exit(bool(found))
