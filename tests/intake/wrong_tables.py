"""Tables and lines of other columns, types or lengths."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa


def tables(path: Path, rng: random.Random) -> None:
    """A column missing, renamed, of another kind; rows missing, twice, in another order."""
    csv = path.suffix == ".csv"
    table = pd.read_csv(path) if csv else pd.read_parquet(path)
    name = rng.choice(list(table.columns))
    constant = rng.choice((None, "x", -1, 10**9, float("nan"), float("inf"), True, "\ud83d"[:0]))
    ways: list[Callable[[], pd.DataFrame]] = [
        lambda: table.drop(columns=[name]),
        lambda: table.rename(columns={name: rng.choice(("x", "view", "latent"))}),
        lambda: table.assign(**{name: constant}),
        lambda: table.iloc[:0],
        lambda: table.iloc[: len(table) // 2],
        lambda: pd.concat([table, table]),
        lambda: table.sample(frac=1, random_state=rng.randrange(100)),
        lambda: table.assign(**{name: table[name].astype(str)}),
        lambda: table[[]],
    ]
    changed = rng.choice(ways)()
    if csv:
        changed.to_csv(path, index=False)
    else:
        changed.to_parquet(path, index=False)


def broken_csv(path: Path, rng: random.Random) -> None:
    text = path.read_text()
    path.write_bytes(
        rng.choice(
            (
                text.replace(",", ";").encode(), text.encode() + b'"open quote, and on\n' * 50,
                text.encode("utf-16"), b"\xff\xfe\xfd," + text.encode(), text.encode() + b"\0,\0\n",
                text.encode() + b"a" + b",b" * 500 + b"\n", b"\n\n\n", text.encode() * 2,
                b"\xef\xbb\xbf" + text.encode(), text.replace("1", "1e999").encode(),
                text.replace("1", "NaN").encode(), text.replace("1", "9" * 30).encode(),
                text.replace("run0", "\x1b[2J").encode(), text.replace("\n", "\r").encode(),
            )
        )
    )  # fmt: skip


def broken_lines(path: Path, rng: random.Random) -> None:
    """Lines of JSON as crawls have them: halves of characters, nulls, numbers, other objects."""
    lines = path.read_text().split("\n")
    lines[rng.randrange(len(lines))] = rng.choice(
        (
            '{"text": "a \\ud83d b", "title": "\\udfff"}', '{"text": null}', '{"text": 7}', "null",
            '{"text": ["a"]}', '{"text": "a", "title": {"b": 1}}', "[]", '"text"', '{"text": "',
            '{"text": "a", "text": "b"}', '{"text": NaN}', "[" * 100_000, "9" * 5_000,
            json.dumps({"text": "one\u2028two\u0085three"}, ensure_ascii=False), "\ufeff{}",
            '{"title": "\\u001b[2J", "text": "a\\u0000b"}', "{}", '{"text": ""}',
        )
    )  # fmt: skip
    path.write_text("\n".join(lines))


def arrow(path: Path, rng: random.Random) -> None:
    """A stream of other columns, types or lengths."""
    hook = "blocks.0.hook_resid_post"
    column = rng.choice(
        (
            pa.array([1, 2]), pa.array(["a", "b"]), pa.array([None, None]),
            pa.array([[1.0] * 20] * 2), pa.array([[[1.0] * 4] * 5] * 2), pa.array([[], []]),
            pa.array([{"a": 1}, {"a": 2}]), pa.array([[[1.0, None]], [[2.0, 3.0]]]),
        )
    )  # fmt: skip
    content = pa.table({rng.choice((hook, "token_ids", "x")): column, "token_ids2": column})
    with pa.OSFile(str(path), "wb") as file:
        writer = pa.ipc.new_file if rng.random() < 0.2 else pa.ipc.new_stream
        with writer(file, content.schema) as out:
            out.write_table(content)
