"""Schemas of saved results: which are read, and what older ones call otherwise or lack.

The one place where the meaning of a saved result changes. A column that gets another name or
another meaning goes into `renamed`, a new one into `added`; `{view}` in a name stands for each view
of the result. The number of the schema is raised once per release. Schema 3: grades over several
views say `none` only where every view does; they are given anew to results of schema 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import pandas as pd

from universality.results.grades import grade_counts, grades_over, with_grades_together


@final
@dataclass(frozen=True)
class Schema:
    """What one kind of result has been saved as."""

    kind: str
    """Its name, such as `universality.comparison`."""
    number: int
    """The schema that is written; it and all earlier ones are read."""
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By table, what schema 1 called a column, and what it is called now."""
    added: Mapping[int, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """By the first schema that has them, and by table: columns that earlier ones have nothing for;
    those of activations only with them."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What schema 1 called a grade, wherever one stands, and what it is called now."""

    @property
    def written(self) -> str:
        """As it stands in a summary."""
        return f"{self.kind}/{self.number}"

    @property
    def read(self) -> tuple[str, ...]:
        """All that are read, newest first."""
        return tuple(f"{self.kind}/{number}" for number in range(self.number, 0, -1))


COMPARISON = Schema(
    "universality.comparison",
    3,
    added={
        2: {
            "pairs": ("carrying_tokens_activations", "similarity_without_activations"),
            "curves": ("own_a_fraction", "own_b_fraction"),
            "latents_a": ("grade_{view}", "grade", "p_bound_activations"),
            "latents_b": ("grade_{view}", "grade", "p_bound_activations"),
        },
        3: {
            "evidence": ("share",),
            "logits": ("counts",),
            "latents_a": ("own_nearest_{view}",),
            "latents_b": ("own_nearest_{view}",),
        },
    },
)

STABILITY = Schema(
    "universality.stability",
    3,
    added={2: {"latents": ("grade_{view}", "grade")}},
    renamed={"narrow": {"fate": "grade"}, "wide": {"origin": "grade"}},
    words={
        "kept": "same",
        "absent": "none",
        "unexplained": "none",
        "refines": "refined",
        "merges": "merged",
    },
)

_OF_COMPARED = ("latents_a", "latents_b")
_OF_GRADES = ("grade", "source", "target")
_OLD_KEYS = {"narrow_fates": "narrow_grades", "wide_origins": "wide_grades"}

TOY = Schema("universality.toy", 1)

INVESTIGATION = Schema("universality.investigation", 1)

CONNECTION = Schema("universality.connection", 1)

_SCHEMAS = {one.kind: one for one in (COMPARISON, STABILITY, TOY, INVESTIGATION, CONNECTION)}


def with_new_names(
    tables: Mapping[str, pd.DataFrame], summary: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """The tables of a result read from a folder, with the columns' names of today."""
    schema = _schema_of(summary)
    if _is_newest(summary, schema):
        return dict(tables)
    renamed = {
        name: _with_new_words(table.rename(columns=dict(schema.renamed.get(name, {}))), schema)
        for name, table in tables.items()
    }
    return {name: _graded_anew(table, name, summary) for name, table in renamed.items()}


def _graded_anew(table: pd.DataFrame, name: str, summary: Mapping[str, Any]) -> pd.DataFrame:
    """Schema 2 said none over several views as soon as one of them did."""
    if "grade" not in table or name not in (*_OF_COMPARED, "latents"):
        return table
    if name in _OF_COMPARED:
        return with_grades_together(table, list(summary["views"]))
    rules = [column for column in table if str(column).startswith("grade_")]
    return table.assign(grade=grades_over(table[rules].to_numpy(dtype=object)))


def with_new_keys(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary of a result read from a folder, with the ladder's keys and words of today."""
    schema = _schema_of(summary)
    if _is_newest(summary, schema) or "widths" not in summary:
        return summary
    steps = [
        {
            _OLD_KEYS.get(key, key): {schema.words.get(word, word): n for word, n in value.items()}
            if key in _OLD_KEYS
            else value
            for key, value in step.items()
        }
        for step in summary["widths"]
    ]
    return summary | {"widths": steps}


def with_new_counts(summary: dict[str, Any], tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """The summary of a comparison read from a folder, with its grades counted as of today."""
    if _is_newest(summary, COMPARISON) or "grades" not in summary:
        return summary
    sides = {name.removeprefix("latents_"): grade_counts(tables[name]) for name in _OF_COMPARED}
    return summary | {"grades": sides}


def _with_new_words(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    columns = [name for name in _OF_GRADES if name in table and schema.words]
    return table.assign(**{name: table[name].replace(dict(schema.words)) for name in columns})


def absent_columns(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """`table.column` for all that the version which saved a result did not know yet."""
    schema = _schema_of(summary)
    if _is_newest(summary, schema):
        return ()
    views = list(summary.get("views") or summary.get("families") or ())
    return tuple(
        f"{table}.{column.format(view=view)}"
        for number, tables in schema.added.items()
        if number > _number_of(summary)
        for table, columns in tables.items()
        for column in columns
        for view in (views if "{view}" in column else [""])
        if "activations" in views or not column.endswith("_activations")
    )


def age_of(summary: Mapping[str, Any]) -> str:
    """What a reader should know of a result that an earlier version saved; empty for a new one."""
    schema = _schema_of(summary)
    if _is_newest(summary, schema):
        return ""
    absent = absent_columns(summary)
    saved = f"saved under {summary['schema']} (today {schema.written})"
    if not absent:
        return f"{saved}; it lacks no column"
    return (
        f"{saved}: it has no {', '.join(absent)}; "
        "what needs them is left out, and the command that made the result adds them"
    )


def _schema_of(summary: Mapping[str, Any]) -> Schema:
    return _SCHEMAS[str(summary["schema"]).rpartition("/")[0]]


def _number_of(summary: Mapping[str, Any]) -> int:
    return int(str(summary["schema"]).rpartition("/")[2])


def _is_newest(summary: Mapping[str, Any], schema: Schema) -> bool:
    return bool(summary["schema"] == schema.written)
