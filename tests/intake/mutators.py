"""Ways in which inputs are wrong as a whole: other formats, other values, other kinds of files.

Unlike the bytes that `tests.loading.mutations` flips and cuts, most of these leave a file that its
library reads without a word.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from safetensors.torch import load_file, save_file

Mutator = Callable[[Path, random.Random], None]

_HEADER = 100 * 2**20
NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "-1", "0.5", "1" + "0" * 400, "1e308", "2e19")
WORDS = (
    "", "\ud800", "a\0b", "\x1b[2J\x1b]0;x\x07", "x" * 100_000, "../../etc/passwd", "/dev/zero",
    "\u2028\u202e", "$\\frac{", "<script>", "NaN", "none", "1", "a\nb",
)  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, [], {}, [[]], {"a": 1}, [None], 0, -1, 7, 2**63, 0.5, *WORDS)


# Any file


def swap_formats(path: Path, rng: random.Random) -> None:
    """The content of a file of another format under this name."""
    buffer = io.BytesIO()
    ways: list[Callable[[], object]] = [
        lambda: np.save(buffer, np.arange(12.0).reshape(3, 4)),
        lambda: np.savez(buffer, a=np.arange(3)),
        lambda: torch.save({"a": torch.ones(3)}, buffer),
        lambda: buffer.write(b'{"schema": "x", "shards": []}'),
        lambda: pd.DataFrame({"a": [1, 2]}).to_parquet(buffer),
        lambda: buffer.write(b"run,seed\nrun0,1\n"),
        lambda: buffer.write(b"\x89PNG\r\n\x1a\n" + bytes(50)),
        lambda: buffer.write(b"<!doctype html><title>404</title>"),
        lambda: buffer.write(b"version https://git-lfs.github.com/spec/v1\nsize 1\n"),
        lambda: buffer.write("text in UTF-16".encode("utf-16")),
    ]
    rng.choice(ways)()
    path.write_bytes(buffer.getvalue())


def swap_two(path: Path, rng: random.Random) -> None:
    """This file and one beside it, each under the other's name."""
    others = [one for one in files_in(path.parent) if one != path]
    if others:
        other = rng.choice(others)
        mine, theirs = path.read_bytes(), other.read_bytes()
        path.write_bytes(theirs)
        other.write_bytes(mine)


def another_kind_of_file(path: Path, rng: random.Random) -> None:
    """A pipe, a folder, a device, a socket's name, nothing at all."""
    path.unlink()
    match rng.randrange(6):
        case 0:
            os.mkfifo(path)
        case 1:
            path.mkdir()
        case 2:
            path.symlink_to("/dev/zero")
        case 3:
            path.symlink_to("/dev/null")
        case 4:
            path.symlink_to("/proc/self/mem")
        case _:
            pass


def link_in_circles(path: Path, rng: random.Random) -> None:
    """Links that lead to themselves, to each other, up the tree, or through sixty steps."""
    content = path.read_bytes()
    path.unlink()
    match rng.randrange(4):
        case 0:
            path.symlink_to(path.name)
        case 1:
            other = path.with_name(f"{path.name}.other")
            path.symlink_to(other.name)
            other.symlink_to(path.name)
        case 2:
            path.symlink_to("..")
            (path.parent / "loop").symlink_to(".")
        case _:
            for step in range(60):
                path.with_name(f"link{step}").symlink_to(f"link{step + 1}")
            path.with_name("link60").write_bytes(content)
            path.symlink_to("link0")


def sparse(path: Path, rng: random.Random) -> None:
    """Sixty-four gigabytes that the disk does not hold, before or behind the content."""
    content = path.read_bytes()
    with path.open("wb") as file:
        if rng.random() < 0.7:
            file.write(content)
        file.truncate(64 * 2**30)


def cut_or_repeat(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(rng.choice((b"", data + data, data[half:], data[:half], data + bytes(100))))


def remove(path: Path, rng: random.Random) -> None:
    path.unlink()


# JSON


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


# Tensors and arrays


def tensor_values(path: Path, rng: random.Random) -> None:
    """Numbers that are out of range, not finite, or in another order."""

    def change(tensor: torch.Tensor) -> torch.Tensor:
        changed = tensor.clone()
        if not changed.numel():
            return changed
        flat = changed.reshape(-1)
        if changed.is_floating_point():
            flat[rng.randrange(len(flat))] = rng.choice((float("nan"), float("inf"), 6e4, 0.0))
            return changed
        large = torch.iinfo(changed.dtype).max
        worst = (-1, large, -large, 10**6, len(flat))
        flat[rng.randrange(len(flat))] = max(min(rng.choice(worst), large), -large)
        return changed.flip(0) if rng.random() < 0.2 else changed

    change_tensors(path, rng, change)


def tensor_shapes(path: Path, rng: random.Random) -> None:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        ways: list[Callable[[], torch.Tensor]] = [
            lambda: tensor.reshape(-1),
            lambda: tensor[None],
            lambda: tensor[:0],
            lambda: tensor[: max(1, len(tensor) // 2)],
            lambda: torch.cat([tensor, tensor]),
            lambda: tensor.T if tensor.ndim == 2 else tensor[:, None],
            lambda: torch.zeros((), dtype=tensor.dtype),
            lambda: tensor[..., None, None],
        ]
        return rng.choice(ways)()

    change_tensors(path, rng, change)


def tensor_dtypes(path: Path, rng: random.Random) -> None:
    dtypes = (
        torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8,
        torch.bool, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2,
    )  # fmt: skip
    change_tensors(path, rng, lambda tensor: tensor.to(rng.choice(dtypes)))


def tensor_names(path: Path, rng: random.Random) -> None:
    """A tensor missing, under another name, or under that of another."""
    tensors = load_file(path)
    name = rng.choice(list(tensors))
    value = tensors.pop(name)
    if rng.random() < 0.5:
        tensors[rng.choice(("x", "activations", "tokens", "a\nb", "ü" * 99))] = value
    rewrite(path, tensors)


def tensor_metadata(path: Path, rng: random.Random) -> None:
    keys = ("dropped", "n_tokens", "key", "format")
    tensors = load_file(path)
    metadata = {key: rng.choice(("", "{", "-1", "x" * 50, "[]", "1e9")) for key in keys}
    save_file({k: v.contiguous() for k, v in tensors.items()}, path, metadata=metadata)


def change_tensors(
    path: Path, rng: random.Random, change: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    tensors = load_file(path)
    name = rng.choice(list(tensors))
    rewrite(path, tensors | {name: change(tensors[name])})


def rewrite(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """The tensors under the metadata that the file has."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    metadata = json.loads(data[8 : 8 + size]).get("__metadata__")
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, path, metadata=metadata)


def large_header(path: Path, rng: random.Random) -> None:
    """A header of a hundred megabytes, said or (seldom) really there."""
    data = path.read_bytes()
    if path.suffix == ".safetensors":
        size = struct.unpack("<Q", data[:8])[0]
        if rng.random() < 0.1:
            header = data[8 : 8 + size].ljust(_HEADER - 8)
            path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + size :])
        else:
            path.write_bytes(struct.pack("<Q", rng.choice((_HEADER, 2**63, 2**40))) + data[8:])
    else:
        version = rng.choice((b"\x02\x00", b"\x03\x00", b"\x09\x00"))
        header = b" " * (_HEADER if rng.random() < 0.1 else 100)
        path.write_bytes(b"\x93NUMPY" + version + struct.pack("<I", _HEADER) + header)


def strange_arrays(path: Path, rng: random.Random) -> None:
    """Records, objects, texts, dates and other things that NumPy can save."""
    array = np.arange(12).reshape(3, 4)
    strange = rng.choice(
        (
            np.zeros(12, dtype=[("a", "f4"), ("b", "i8", 3)]),
            np.array([{"a": 1}] * 12, dtype=object),
            np.array(["x"] * 12),
            np.array([b"x"] * 12),
            np.zeros(12, dtype="datetime64[s]"),
            np.zeros(12, dtype="V7"),
            array.astype(complex),
            array.astype(bool),
            array.astype(">i4"),
            array.astype(np.longdouble),
            np.asfortranarray(array.astype(float)),
            np.array(5),
            np.zeros((0, 4)),
            np.zeros((1,) * 20),
            np.full(12, 2**62),
            np.full(12, -7),
            np.zeros(12, dtype=np.int64),
            np.full(12, np.uint64(2**64 - 1)),
        )
    )
    if path.suffix == ".npy":
        np.save(path, strange, allow_pickle=True)
        return
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **arrays | {rng.choice(list(arrays)): strange})


def strange_archive(path: Path, rng: random.Random) -> None:
    """A zip file that is no usual npz: names twice, paths, other packing, a bomb."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(path, "w", packing) as archive:
        for one, data in members.items():
            archive.writestr(one, data)
        match rng.randrange(6):
            case 0:
                archive.fp.seek(0)  # type: ignore[union-attr]
                archive.filelist.append(archive.filelist[0])
            case 1:
                archive.writestr(rng.choice(("../x.npy", "/x.npy", "run0-run1.npy")), members[name])
            case 2:
                archive.writestr("run0-run9/decoder.npy", b"\x93NUMPY\x01\x00")
            case 3:
                info = zipfile.ZipInfo("run0-run9/decoder.npy")
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, bytes(2**27))
            case 4:
                archive.writestr("readme.txt", "not an array")
            case _:
                archive.comment = b"x" * 60_000


# Tables


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


ANY: tuple[Mutator, ...] = (
    swap_formats, swap_two, another_kind_of_file, link_in_circles, sparse, cut_or_repeat, remove,
)  # fmt: skip
BY_SUFFIX: dict[str, tuple[Mutator, ...]] = {
    ".json": (json_numbers, json_values, json_values, json_values, json_keys, json_whole),
    ".meta": (json_numbers, json_values, json_values, json_keys, json_whole),
    ".jsonl": (broken_lines, broken_lines, broken_lines, broken_lines),
    ".safetensors": (
        tensor_values, tensor_values, tensor_shapes, tensor_dtypes, tensor_names, tensor_metadata,
        large_header,
    ),
    ".npy": (strange_arrays, strange_arrays, large_header),
    ".npz": (strange_arrays, strange_arrays, strange_arrays, strange_archive, strange_archive),
    ".csv": (tables, tables, broken_csv, broken_csv),
    ".parquet": (tables, tables, tables),
    ".arrow": (arrow, arrow),
}  # fmt: skip


def files_in(place: Path) -> list[Path]:
    return sorted(p for p in place.rglob("*") if p.is_file() and not p.is_symlink())


def mutate(place: Path, rng: random.Random) -> str:
    """Make one or two things wrong with an input; the names of what was done."""
    done = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        files = [path for path in files_in(place) if path.stat().st_size < 2**30]
        if not files:
            break
        path = rng.choice(files)
        special = BY_SUFFIX.get(path.suffix, ())
        way = rng.choice(special if special and rng.random() < 0.65 else ANY)
        try:
            way(path, rng)
        except Exception:  # what was made wrong before cannot be changed as if it were whole
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        done.append(f"{way.__name__} {path.name}")
    return ", ".join(done)
