"""Inputs that are wrong as a whole: another format, another kind of file."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch


def files_in(place: Path) -> list[Path]:
    return sorted(p for p in place.rglob("*") if p.is_file() and not p.is_symlink())


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
