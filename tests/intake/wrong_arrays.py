"""Tensors and arrays of other values, shapes, types, names or headers."""

from __future__ import annotations

import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from tests.intake.wrong_values import _HEADER


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
