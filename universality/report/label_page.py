"""The label of a release as one page: nothing is fetched, every text is escaped, no script runs."""

from __future__ import annotations

from importlib import resources

import jinja2
from markupsafe import Markup

from universality.results.release_label import CEILINGS, PAGE_MARK, Label, beaten_floors
from universality.results.validity import withdrawal


def label_page(label: Label) -> str:
    """The page of a label as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("universality.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (resources.files("universality.report") / "assets" / "report.css").read_text("utf-8")
    rows = label.content["rules"]
    floors = list(dict.fromkeys(name for row in rows for name in row.get("floors", {})))
    return environment.get_template("label.html").render(
        mark=PAGE_MARK,
        style=Markup(style),
        label=label.content,
        withdrawal=withdrawal(label.content),
        floors=floors,
        ceilings=CEILINGS,
        verdicts=[beaten_floors(row)[1] if row["value"] is not None else None for row in rows],
    )
