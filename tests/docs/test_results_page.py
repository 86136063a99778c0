"""docs/results.md names every column and key that results have, and their ranges hold.

Who adds a column or a key writes a row for it: name, unit and range, meaning.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.docs.pages import names, page, rows, sections
from tests.investigation.test_explanations import write_results
from tests.made_connection import made_connection
from tests.made_investigation import (
    made_comparison_of_toys,
    made_investigation,
    made_investigation_of_neurons,
)
from tests.tiny_study import make_study
from universality.comparison import Policy, compare
from universality.investigation.explanations import read_scores, scores_by_frequency
from universality.nulls.null import NULLS
from universality.recurrence.study import stability

KINDS = ("Comparison", "Stability", "Investigation", "Connection")
VIEWS = ("decoder_and_encoder", "decoder", "encoder", "activations")
_RANGE = re.compile(r"\[(-?[\d.e-]+|-inf), (-?[\d.e-]+|inf)\]")
_AS_IT_COMES = {
    # Keys that are names of things found, not words of ours.
    r"^(jackknife|outlying_run)\.[\w.]+\.(\w+)$": r"\1.<statistic>.\2",
    r"\.(by_size)\.\d+$": r".\1.<n>",
    r"\.(dropped)\.\w+$": r".\1.<why>",
    r"\.(narrow_grades|wide_grades)\.\w+$": r".\1.<word>",
    r"(grades)\.(\w+\.)?\w+\.(same|similar|none|rare|dead)$": r"\1.\2<view>.<grade>",
}

_OF_TWO = "between[]."


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a result of each kind, with all that a result can hold."""
    folder = tmp_path_factory.mktemp("results")
    study = make_study(folder)
    both = compare(
        *study.runs[:2],
        Policy(n_draws=2, matrix=True),
        activations=study.cache,
        unembedding=study.unembedding,
        geometry=True,
        partial=True,
        transport=0.05,
        groups=True,
    )
    many = stability(study.runs, Policy(nulls=("geometry",), n_draws=2), activations=[study.cache])
    toy = made_comparison_of_toys(folder)
    both = replace(
        both, summary=both.summary | {"effects": toy.summary["effects"]}, effects=toy.effects
    )
    both.save(folder / "Comparison")
    many.save(folder / "Stability")
    neurons = made_investigation_of_neurons().neurons
    scores = scores_by_frequency(read_scores(write_results(folder / "told")), np.full(9, 0.01), 0)
    whole = replace(made_investigation(), neurons=neurons, scores=scores)
    whole.save(folder / "Investigation")
    made_connection(study).connection.save(folder / "Connection")
    return {kind: folder / kind for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_result_is_documented(saved: dict[str, Path], kind: str) -> None:
    matrix = re.compile(r"similarity_\w+\.npy")
    files = {matrix.sub("similarity_<view>.npy", path.name) for path in saved[kind].iterdir()}
    documented = _documented(kind)
    assert files == set(documented), "docs/results.md: a section for each file, and no other"


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_is_documented_and_in_its_range(saved: dict[str, Path], kind: str) -> None:
    documented, problems = _documented(kind), []
    for path in sorted(saved[kind].iterdir()):
        if path.suffix not in (".parquet", ".csv"):
            continue
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        values = [(_general(name), table[name]) for name in table.columns]
        problems += _problems(path.name, documented[path.name], values)
    assert not problems, "\n".join(["docs/results.md:", *problems])


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_documented_and_in_its_range(saved: dict[str, Path], kind: str) -> None:
    path = saved[kind] / "summary.json"
    values = list(_leaves(json.loads(path.read_text(encoding="utf-8"))))
    documented = _documented(kind)[path.name]
    documented |= _as_in_a_comparison(values) if kind == "Stability" else {}
    problems = _problems(path.name, documented, values)
    assert not problems, "\n".join(["docs/results.md:", *problems])


def _as_in_a_comparison(values: list[tuple[str, Any]]) -> dict[str, tuple[str, str]]:
    """What a study says of each two runs under the keys of a comparison."""
    compared = _documented("Comparison")["summary.json"]
    there = {name for name, _ in values if name.startswith(_OF_TWO)}
    named = {f"{_OF_TWO}{key}": row for key, row in compared.items()}
    return {name: row for name, row in named.items() if {name, name.removesuffix("[]")} & there}


def _documented(kind: str) -> dict[str, dict[str, tuple[str, str]]]:
    """By file, the unit with range and the meaning of each name."""
    found = {}
    for heading, text in sections(sections(page("results.md"), 2)[kind], 3).items():
        listed = [(name, rest) for some, *rest in rows(text) for name in some]
        by_name = {name: (rest[0], rest[1]) for name, rest in listed}
        assert len(by_name) == len(listed), f"{heading}: a name is documented twice"
        found |= dict.fromkeys(names(heading), by_name)
    return found


def _problems(
    file: str, documented: dict[str, tuple[str, str]], values: list[tuple[str, Any]]
) -> list[str]:
    # A list that is null has the name of its entries.
    values = [(f"{n}[]" if v is None and f"{n}[]" in documented else n, v) for n, v in values]
    there = {name for name, _ in values}
    return [
        *(
            f"{file}: `{name}` is not documented: add a row with unit, range and meaning"
            for name in sorted(there - set(documented))
        ),
        *(
            f"{file}: `{name}` is documented, and no result has it: take the row out "
            "(or say `only ...` where the tiny study cannot show it)"
            for name in sorted(set(documented) - there)
            if not re.search(r"\bonly\b", documented[name][1])
        ),
        *(
            f"{file}: `{name}` is {value!r}, outside of {documented[name][0]}"
            for name, some in values
            if name in documented
            for value in _outside(some, documented[name][0])
        ),
    ]


def _outside(values: Any, unit: str) -> list[float]:
    """Values outside of a range such as [0, 1] in the cell of units; the first one."""
    ranges = _RANGE.findall(unit)
    if len(ranges) != 1:
        return []
    low, high = (float(end) for end in ranges[0])
    return [v for v in _numbers(values) if not low - 1e-9 <= v <= high + 1e-9][:1]


def _numbers(values: Any) -> Iterator[float]:
    if isinstance(values, pd.Series | np.ndarray | list | tuple):
        for value in values:
            yield from _numbers(value)
    elif isinstance(values, int | float | np.number) and not math.isnan(values):
        yield float(values)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names of all that is no dictionary or list; an empty list has none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{name}[]")
    else:
        yield _general_key(name), value


def _general(name: str) -> str:
    """A column with `<view>` in the place of a view."""
    for view in VIEWS:
        if name.endswith(f"_{view}") and not name.startswith("spread_"):
            return f"{name.removesuffix(view)}<view>"
    return name


def _general_key(name: str) -> str:
    for pattern, general in _AS_IT_COMES.items():
        name = re.sub(pattern, general, name)
    parts = name.split(".")
    return ".".join(_general_part(part, parts[:i]) for i, part in enumerate(parts))


def _general_part(part: str, before: list[str]) -> str:
    """A part of a dotted key, with a placeholder for names of views, nulls and sides."""
    stem, brackets = part.removesuffix("[]"), "[]" if part.endswith("[]") else ""
    if before == ["agreement"]:
        return "<view>_<view>"
    if before[-1:] == ["nulls"] and stem in (*NULLS, "tokens"):
        return "<null>"
    if stem in VIEWS and before[-1:] not in ([], ["cross_view[]"]):
        return f"<view>{brackets}"
    if stem in ("a", "b") and before not in (["pairs[]"], ["between[]"]):
        return "<side>"
    return part
