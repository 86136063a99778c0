"""Texts from files: plain, JSON lines or JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from universality.errors import FormatError, MissingFileError


@final
@dataclass(frozen=True)
class Document:
    """One text, from one source."""

    name: str
    """Its title, where the file gives one, otherwise file name and number."""
    text: str
    """The text itself, not empty."""


def read_documents(paths: Sequence[Path], *, field: str = "text") -> list[Document]:
    """Every document of the files, in order; empty texts are left out.

    A `.txt` file is one document. A `.jsonl` file holds one per line, a `.json` file a list or a
    mapping of them; each is a string, or an object whose `field` is the text and whose `title`,
    if there is one, is the name.

    Raises:
        MissingFileError: a file does not exist.
        FormatError: a file is not what its ending says, or a record has no text.
    """
    return [document for path in paths for document in _read_file(path, field) if document.text]


def without_duplicates(documents: Iterable[Document]) -> list[Document]:
    """The documents with every exact repetition of an earlier text left out."""
    first: dict[str, Document] = {}
    for document in documents:
        first.setdefault(document.text, document)
    return list(first.values())


def text_hash(documents: Iterable[Document]) -> str:
    """Sha256 over the texts in their order."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(hashlib.sha256(document.text.encode()).digest())
    return digest.hexdigest()


def _read_file(path: Path, field: str) -> Iterator[Document]:
    if not path.is_file():
        raise MissingFileError(f"--text {path}: no such file")
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error
    match path.suffix:
        case ".txt":
            yield Document(path.name, content.strip())
        case ".jsonl":
            for number, line in enumerate(content.splitlines(), start=1):
                if line.strip():
                    where = f"{path.name}:{number}"
                    yield _document(_parse(line, where), where, field)
        case ".json":
            yield from _read_json(_parse(content, path.name), path.name, field)
        case other:
            raise FormatError(f"{path}: text files end in .txt, .jsonl or .json, not {other!r}")


def _read_json(records: Any, where: str, field: str) -> Iterator[Document]:
    if isinstance(records, dict):
        records = list(records.values())
    if not isinstance(records, list):
        raise FormatError(f"{where}: expected a list or a mapping of documents")
    for number, record in enumerate(records, start=1):
        yield _document(record, f"{where}:{number}", field)


def _parse(content: str, where: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise FormatError(f"{where}: not valid JSON ({error})") from error


def _document(record: Any, where: str, field: str) -> Document:
    if isinstance(record, str):
        return Document(where, record.strip())
    if isinstance(record, dict) and isinstance(record.get(field), str):
        return Document(str(record.get("title", where)), record[field].strip())
    keys = f", it has {sorted(record)}" if isinstance(record, dict) else ""
    raise FormatError(
        f"{where}: expected a string or an object with the text in {field!r}{keys}; "
        "name the key with --field"
    )
