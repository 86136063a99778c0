"""The label of a release: what was trained on what, and how much of it comes back by every rule.

One JSON file, versioned, that says for a set of runs what they are, whether they may be compared,
what each published rule gives beside its chance and the floors, and how many tokens stand behind
each number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from universality.errors import FormatError
from universality.intake.fields import Fields
from universality.intake.json_files import read_mapping
from universality.intake.plain_files import check_plain
from universality.storage.json_output import write_json
from universality.validation import PATH, takes

LABEL_SCHEMA = "universality.label/1"
"""Written into every label."""

PAGE_MARK = "universality label"
"""By which the page of a label is known again."""
_LARGEST_PAGE = 16 * 2**20

CEILINGS = ("same_start",)
"""Floors that are none: what runs reach that share their start."""


@final
@dataclass(frozen=True, eq=False)
class Label:
    """What is known of a release."""

    content: dict[str, Any]
    """As it stands in the file; docs/label.md has every key."""

    @property
    def names(self) -> tuple[str, ...]:
        """The runs."""
        return tuple(str(run["name"]) for run in self.content["runs"])

    @property
    def numbers(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The rules' rows that have a number, by rule and quantity."""
        return {
            (row["rule"], row["quantity"]): row
            for row in self.content["rules"]
            if row["value"] is not None
        }

    def save(self, path: str | Path) -> None:
        """Write the file."""
        write_json(self.content, Path(path))


@takes(path=PATH)
def read_label(path: str | Path) -> Label:
    """The label that `universality label` wrote.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no label, damaged, or of a newer version.
    """
    path = Path(path)
    content = read_mapping(path)
    if content.get("schema") != LABEL_SCHEMA:
        raise FormatError(
            f"{path} is no label: its schema is {str(content.get('schema'))[:60]!r}, "
            f"{LABEL_SCHEMA!r} is read; `universality label RUN RUN --out FILE` writes one"
        )
    fields = Fields(str(path), content)
    _check_validity(Fields(f"{path}: validity", fields.mapping("validity")))
    for run in fields.sections("runs"):
        run.text("name")
        run.count("d_sae", least=1)
        for name in ("dead", "duplicated", "fvu"):
            run.optional_number(name)
    for row in fields.sections("rules"):
        row.text("rule")
        if row.optional_number("value") is None:
            row.text("reason_skipped")
        else:
            row.text("quantity")
            row.optional_number("null_mean")
            floors = Fields(f"{row.where}: floors", row.mapping("floors"))
            for name in floors.values:
                floors.optional_number(name)
    return Label(content)


def _check_validity(validity: Fields) -> None:
    validity.flag("valid", default=True)
    for reason in validity.sections("reasons"):
        reason.text("check")
        reason.text("message")


def check_label_page(path: Path) -> None:
    """Nothing, when the file is the page of a label.

    Raises:
        MissingFileError, FormatError: there is none, or it is something else.
    """
    check_plain(path, largest=_LARGEST_PAGE)
    if f'content="{PAGE_MARK}"'.encode() not in path.read_bytes()[:2000]:
        raise FormatError(f"{path} is no page of a label")


def beaten_floors(row: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Of a rule's row, the floors that its value lies above, and those that it does not.

    The null is among them; ceilings are left out.
    """
    floors = {"null": row["null_mean"]} | dict(row["floors"])
    known = {
        name: value for name, value in floors.items() if value is not None and name not in CEILINGS
    }
    above = [name for name, value in known.items() if row["value"] > value]
    return above, [name for name in known if name not in above]
