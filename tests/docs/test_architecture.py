"""The drawn house is the one that the import contract keeps; pages link to what exists."""

from __future__ import annotations

import configparser
import re

from tests.docs.pages import ROOT, page


def _layers() -> list[set[str]]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    layers = parser["importlinter:contract:layers"]["layers"].split("\n")
    return [set(layer.split(" | ")) for layer in layers if layer and layer != "__main__"]


def test_the_house_is_drawn_as_it_stands() -> None:
    house = re.findall(r"^```\n(.*?)^```", page("architecture.md"), re.MULTILINE | re.DOTALL)[0]
    floors = []
    for line in house.splitlines():
        names = re.match(r"  (\w+(?: \| \w+)*)", line)
        if names and not line.startswith("   "):
            floors.append(set(names[1].split(" | ")))
    assert floors == _layers(), "docs/architecture.md: draw the floors of setup.cfg"


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for one in pages:
        for target in re.findall(r"\]\(([^)#]+)", one.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (one.parent / target).exists(), f"{one.name} links to {target}"
