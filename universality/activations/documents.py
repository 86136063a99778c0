"""Texts from files: plain, JSON lines or JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from universality.errors import FormatError
from universality.intake.damage import damage_named
from universality.intake.names import well_formed
from universality.intake.plain_files import check_plain, memory

_BEGINNING = 2**16
_COPIES = 4


@final
@dataclass(frozen=True)
class Document:
    """One text, from one source."""

    name: str
    """Its title, where the file gives one, otherwise file name and number."""
    text: str
    """The text itself, not empty."""
    n_replaced: int = 0
    """Halves of characters (lone surrogates) in the file, for which U+FFFD stands in the text."""


def read_documents(paths: Sequence[Path], *, field: str = "text") -> list[Document]:
    """Every document of the files, in order; empty texts are left out.

    A `.txt` file is one document. A `.jsonl` file holds one per line, a `.json` file a list or a
    mapping of them; each is a string, or an object whose `field` is the text and whose `title`,
    if there is one, is the name. A text of null is an empty one. Halves of characters, which no
    tokenizer takes, become U+FFFD.

    Raises:
        MissingFileError: a file does not exist.
        FormatError: a file is not what its ending says, no text at all, larger than the memory of
            this machine, or a record has no text.
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
    content = _read_text(path)
    match path.suffix:
        case ".txt":
            yield _document(content, path.name, field)
        case ".jsonl":
            # Lines end with a line feed alone: JSON strings may hold every other separator.
            for number, line in enumerate(content.split("\n"), start=1):
                if line.strip():
                    where = f"{path.name}:{number}"
                    yield _document(_parse(line, where), where, field)
        case ".json":
            yield from _read_json(_parse(content, path.name), path.name, field)
        case other:
            raise FormatError(f"{path}: text files end in .txt, .jsonl or .json, not {other!r}")


def _read_text(path: Path) -> str:
    check_plain(path)
    with damage_named(path), path.open("rb") as file:
        begins = file.read(_BEGINNING)
        size = path.stat().st_size
        if b"\0" in begins:
            at = begins.index(b"\0")
            raise FormatError(f"{path}: not UTF-8 text, it holds NUL bytes, the first at byte {at}")
        if size > memory() // _COPIES:
            raise FormatError(
                f"{path}: {size:,} bytes of text are more than fit into the memory of this "
                "machine; split it into several files, and collect from some of them"
            )
        content = begins + file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error


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
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not valid JSON ({str(error)[:120]})") from error


def _document(record: Any, where: str, field: str) -> Document:
    name, text = where, record
    if isinstance(record, dict) and field in record:
        title = record.get("title")
        name, text = title if isinstance(title, str) and title else where, record[field]
    if text is None and isinstance(record, dict) and field in record:
        text = ""
    if not isinstance(text, str):
        raise FormatError(f"{where}: {_described(record, field)}")
    whole = well_formed(text)
    n_replaced = sum(one != other for one, other in zip(text, whole, strict=True))
    return Document(well_formed(name), whole.strip(), n_replaced)


def _described(record: Any, field: str) -> str:
    wanted = f"expected a string or an object with the text in {field!r}"
    if not isinstance(record, dict):
        return f"{wanted}, found {repr(record)[:60]}"
    if field in record:
        return f"{wanted}, but there it holds {repr(record[field])[:60]}"
    return f"{wanted}, it has {sorted(record)[:20]}; name the key with --field"
