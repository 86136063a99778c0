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
_EXCERPT = 2000
"""Characters of a Brown document in the sample, cut at the end of its last sentence."""


def wikipedia(file: Path) -> Iterator[Document]:
    """Lead sections of English Wikipedia."""
    for article in json.loads(file.read_text(encoding="utf-8")).values():
        yield Document(f"Wikipedia: {article['title']}", article["extract"])


def brown(folder: Path) -> Iterator[Document]:
    """The 500 documents, as running text."""
    for path in sorted(folder.glob("c[a-z][0-9][0-9]")):
        yield Document(f"Brown corpus: {path.name}", running_text(path.read_text("latin-1")))


def running_text(tagged: str) -> str:
    """Sentences as they are written, from `word/tag` tokens."""
    paragraphs = re.split(r"\n\s*\n", tagged)
    plain = (_sentence_text(paragraph) for paragraph in paragraphs)
    return "\n".join(paragraph for paragraph in plain if paragraph)


def is_held_out(document: Document) -> bool:
    """Whether the document stays out of training; decided by its name alone."""
    return _digest(document) % _HELD_OUT == 0


def sample(held_out: Iterable[Document], *, excerpts: int = 6) -> list[Document]:
    """Beginnings of a few Brown documents, then Wikipedia articles, in an order set by their names.

    Short texts, so that a few thousand tokens cover many subjects.
    """
    shuffled = sorted(held_out, key=_digest)
    brown_parts = [document for document in shuffled if document.name.startswith("Brown")]
    articles = [document for document in shuffled if document.name.startswith("Wikipedia")]
    begun = [
        Document(document.name, document.text[:_EXCERPT].rpartition(". ")[0] + ".")
        for document in brown_parts[:excerpts]
    ]
    return begun + articles


def write_jsonl(path: Path, documents: Iterable[Document]) -> None:
    """One `{"title", "text"}` object a line."""
    records = ({"title": document.name, "text": document.text} for document in documents)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def _digest(document: Document) -> int:
    return int(hashlib.sha256(document.name.encode()).hexdigest(), 16)


def _sentence_text(paragraph: str) -> str:
    words = [token.rpartition("/")[0] for token in paragraph.split()]
    text = " ".join(words).replace("``", "\N{LEFT DOUBLE QUOTATION MARK}")
    text = text.replace("''", "\N{RIGHT DOUBLE QUOTATION MARK}")
    text = re.sub(r"([?!;:]) \1", r"\1", text)
    text = re.sub(r" ([,.?!;:)\]\N{RIGHT DOUBLE QUOTATION MARK}])", r"\1", text)
    text = re.sub(r"([(\[\N{LEFT DOUBLE QUOTATION MARK}]) ", r"\1", text)
    return text.translate({0x201C: '"', 0x201D: '"'})
