"""One self-contained page from a saved result: nothing is fetched, every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import singledispatch
from importlib import resources
from typing import Any, TypeAlias

import jinja2
from markupsafe import Markup

from universality.report.animation import animation_data
from universality.report.connector_rows import connection_data
from universality.report.embedding import comparison_data, embed
from universality.report.families import stability_data
from universality.report.investigation_page import investigation_html
from universality.results import (
    OPTIONAL_TABLES,
    Comparison,
    Connection,
    Investigation,
    SavedResult,
    Stability,
    age_of,
    answer_of,
    connection_files,
    null_names,
    stability_files,
    validity_of,
    withdrawal,
)
from universality.results.pages_of_pairs import PairPage
from universality.results.toy import ToyResult
from universality.results.verdict_words import MEANINGS

_LIBRARIES = ("d3.min.js",)
_SHARED = ("common.js", "rows.js", "lines.js")
_COMPARISON = (
    "columns.js",
    "stars.js",
    "verdict.js",
    "charts.js",
    "evidence.js",
    "pair.js",
    "table.js",
    "main.js",
)
_STABILITY = ("stability.js", "one_more_run.js", "wider.js", "families.js")
_CONNECTION = ("weight_map.js", "connector_rows.js")


Explanations: TypeAlias = Mapping[str, Mapping[int, str]]
"""By side and latent."""


@singledispatch
def page(
    result: SavedResult,
    *,
    explanations: Explanations | None = None,
    pairs: Sequence[PairPage] = (),
) -> str:
    """The report of a saved result as HTML.

    Args:
        result: What is shown.
        explanations: Of latents of a comparison, by side and latent.
        pairs: Pages of comparisons of two runs of a study, to which its families link.

    Raises:
        InvalidInputError: a toy experiment whose hidden space is no plane.
    """
    raise TypeError(f"no report for {type(result).__name__}")


def rows_page(
    rows: Sequence[Mapping[str, Any]],
    *,
    title: str,
    answer: Sequence[str],
    counts: Mapping[str, int],
) -> str:
    """A page of rows of several connectors, of `connector_rows.row_data`, with their texts.

    `counts` is of all rows that were read, by label.
    """
    return _render(
        "rows.html",
        scripts=("connector_rows.js",),
        title=title,
        answer=answer,
        summary={"rows": dict(counts)},
        has_contexts=False,
        data=embed({"rows": [dict(row) for row in rows]}),
    )


def page_name(result: SavedResult) -> str:
    """What the page is called in the folder of its result."""
    return "animation.html" if isinstance(result, ToyResult) else "report.html"


def has_page(result: SavedResult) -> bool:
    """Whether there is a page for it: a toy experiment is played in a plane only."""
    return not isinstance(result, ToyResult) or result.W.shape[0] == 2


@page.register
def _comparison(result: Comparison, *, explanations: Explanations | None = None) -> str:
    data = comparison_data(result) | {"explanations": explanations}
    return _render(
        "comparison.html",
        scripts=_COMPARISON,
        summary=result.summary,
        age=age_of(result.summary),
        answer=answer_of(result.summary),
        valid=validity_of(result.summary)["valid"],
        reasons=validity_of(result.summary)["reasons"],
        similarity=data["similarity"],
        views=list(result.summary["views"]),
        curves=list(data["curves"]),
        first_view=data["view"],
        nulls=data["nulls"],
        null_names=null_names(result.summary),
        grades=MEANINGS,
        has_frequency="frequency" in data["a"],
        has_q=any(name.startswith("q_value") for name in data["a"]),
        tables=[name for name in OPTIONAL_TABLES if getattr(result, name) is not None],
        data=embed(data),
    )


@page.register
def _stability(result: Stability, *, pairs: Sequence[PairPage] = ()) -> str:
    data = stability_data(result) | {"pages": [asdict(one) for one in pairs]}
    return _render(
        "stability.html",
        scripts=_STABILITY,
        summary=result.summary,
        age=age_of(result.summary),
        withdrawal=withdrawal(result.summary),
        **_who_is_counted(result.summary),
        has_contexts=result.contexts is not None,
        has_narrow=bool(data["narrow"]),
        files=stability_files(result),
        data=embed(data),
    )


@page.register
def _connection(result: Connection) -> str:
    return _render(
        "connection.html",
        scripts=_CONNECTION,
        summary=result.summary,
        age=age_of(result.summary),
        degrees=result.degrees.to_dict("records"),
        path=result.path.to_dict("records"),
        n_frames=len(result.frames.step),
        has_contexts=result.contexts is not None,
        files=connection_files(result),
        data=embed(connection_data(result)),
    )


def _who_is_counted(summary: Mapping[str, Any]) -> dict[str, list[str]]:
    """The runs that families are over, and the others."""
    runs = [run if isinstance(run, Mapping) else {"name": run} for run in summary["runs"]]
    return {
        "counted": [run["name"] for run in runs if run.get("in_families", True)],
        "others": [run["name"] for run in runs if not run.get("in_families", True)],
    }


@page.register
def _toy(result: ToyResult) -> str:
    return (
        _environment()
        .get_template("animation.html")
        .render(
            style=Markup(_text("assets", "animation.css")),
            script=Markup(_text("assets", "animation.js")),
            summary=result.summary,
            n_frames=len(result.frames["step"]),
            data=embed(animation_data(result)),
        )
    )


@page.register
def _investigation(result: Investigation) -> str:
    return investigation_html(result)


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("universality.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, *, scripts: tuple[str, ...], **values: Any) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(_text("assets", "report.css")),
            scripts=[_script("vendor", name) for name in _LIBRARIES]
            + [_script("assets", name) for name in (*_SHARED, *scripts)],
            **values,
        )
    )


def _script(folder: str, name: str) -> Markup:
    lines = _text(folder, name).splitlines()
    return Markup("\n".join(line for line in lines if not line.startswith("//# sourceMappingURL")))


def _text(folder: str, name: str) -> str:
    return (resources.files("universality.report") / folder / name).read_text(encoding="utf-8")
