"""JSON with other values, keys or numbers than its reader expects."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.intake.wrong_values import NUMBERS, VALUES, WORDS


def json_numbers(path: Path, rng: random.Random) -> None:
    """A number that is none, or that no machine holds."""
    change_json(path, rng, lambda: "\0number\0")
    text = path.read_text()
    path.write_text(text.replace('"\\u0000number\\u0000"', rng.choice(NUMBERS)))


def json_values(path: Path, rng: random.Random) -> None:
    """Another value, or another kind of value, anywhere."""
    change_json(path, rng, lambda: rng.choice(VALUES))


def json_keys(path: Path, rng: random.Random) -> None:
    """A key twice, with another value; missing; or one that nobody knows."""
    content = json.loads(path.read_text())
    if not isinstance(content, dict) or not content:
        path.write_text('{"a": 1, "a": 2}')
        return
    key = rng.choice(list(content))
    match rng.randrange(3):
        case 0:
            again = f"{json.dumps(key)}: {json.dumps(rng.choice(VALUES))}, "
            path.write_text("{" + again + json.dumps(content)[1:])
        case 1:
            del content[key]
            path.write_text(json.dumps(content))
        case _:
            path.write_text(json.dumps({rng.choice(WORDS): content.pop(key), **content}))


def json_whole(path: Path, rng: random.Random) -> None:
    """Something else than a mapping, or the same in another spelling."""
    text = path.read_text()
    path.write_bytes(
        rng.choice(
            (
                b"{", b"[]", b"null", b"7", b'"text"', b"\xef\xbb\xbf" + text.encode(),
                text.encode("utf-16"), text.encode()[:-3], b"[" * 100_000, f"[{text}]".encode(),
                b'{"a":' * 50_000 + b"1" + b"}" * 50_000, text.replace('"', "'").encode(),
                b"\xff" + text.encode(), text.encode() + b"}", b"\0" * 100,
            )
        )
    )  # fmt: skip


def change_json(path: Path, rng: random.Random, value: Callable[[], Any]) -> None:
    content = json.loads(path.read_text())
    place: Any = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = rng.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.8:
            place = place[key]
            continue
        place[key] = value()
        break
    path.write_text(json.dumps(content))
