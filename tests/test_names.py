"""A name says one thing: in a stack trace, in a search result, in two modules."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import universality

ROOT = Path(universality.__file__).parent

ONE_INTERFACE = ("cli", "formats", "architectures")
"""Folders whose modules are named by what they read, train or run, one interface for all."""

ALIKE = {
    "Parameters": "weights that are being trained: of a dictionary, of a toy model",
    "jump": "the straight-through step, for one weight layout each",
    "start_parameters": "as `Parameters`",
    "step": "as `jump`",
}
"""Names that stand twice and mean the same."""

PICTURES_MAY_IMPORT = {"errors", "results", "shapes", "storage", "validation", "figures", "report"}


def modules() -> list[Path]:
    found = sorted(ROOT.rglob("*.py"))
    return [path for path in found if path.name not in ("__init__.py", "__main__.py")]


def apart(path: Path) -> bool:
    return not set(path.relative_to(ROOT).parts) & set(ONE_INTERFACE)


def test_no_module_has_the_name_of_another() -> None:
    places = defaultdict(list)
    for path in filter(apart, modules()):
        places[path.stem].append(str(path.relative_to(ROOT)))
    assert [found for found in places.values() if len(found) > 1] == []


def test_no_public_function_or_class_has_the_name_of_another() -> None:
    places = defaultdict(list)
    for path in filter(apart, modules()):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and node.name not in ALIKE:
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_pictures_import_saved_results_and_what_writes_them_down() -> None:
    """An allow-list, where the import contract can only forbid."""
    imported = set()
    for path in modules():
        if path.relative_to(ROOT).parts[0] in ("figures", "report"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                    "universality."
                ):
                    imported.add(str(node.module).split(".")[1])
    assert imported <= PICTURES_MAY_IMPORT
