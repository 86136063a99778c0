"""Every paper that is named by its arXiv number is in the bibliography, under its authors."""

from __future__ import annotations

import re
import subprocess

from tests.docs.pages import ROOT
from universality.results.citation import references

_NUMBER = re.compile(r"(?<![\d.])(\d{4}\.\d{5})(?![\d.])")
_NAMED = re.compile(
    r"([A-Z][\w-]+)(?: et al| and [A-Z][\w-]+| & [A-Z][\w-]+)[^.]{0,3}\.?[^.]{0,20}$"
)
_READ = (".py", ".md", ".html", ".cfg", ".toml")


def _citations() -> list[tuple[str, str, str]]:
    """File, number, and the words before it, wherever an arXiv number stands in a text."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    found = []
    for name in files:
        path = ROOT / name
        if path.suffix in _READ and "fixtures" not in name and "results/" not in name:
            text = path.read_text(encoding="utf-8")
            for hit in _NUMBER.finditer(text):
                before = " ".join(text[max(0, hit.start() - 60) : hit.start()].split())
                if 1 <= int(hit[1][2:4]) <= 12:
                    found.append((name, hit[1], before))
    return found


def test_every_arxiv_number_is_in_the_bibliography_under_its_authors() -> None:
    known = {one["where"].removeprefix("arXiv:"): one["authors"] for one in references().values()}
    for name, number, before in _citations():
        assert number in known, f"{name} cites {number}: add it to universality/references.json"
        named = _NAMED.findall(before)
        if named:
            assert named[-1] in known[number], (
                f"{name} credits {number} to {named[-1]}; its authors are {known[number]}"
            )


def test_the_bibliography_says_all_of_each_paper() -> None:
    for key, one in references().items():
        assert set(one) == {"authors", "year", "title", "where"}, key
        assert str(one["year"]) in key
