"""Ways in which a checkpoint can be broken, and what loading makes of it.

Run `python -m tests.loading.mutations 20000` for a longer hunt than the tests do; it prints the
counts of the outcomes, the slowest load and the peak memory.
"""

from __future__ import annotations

import io
import json
import random
import resource
import shutil
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import universality as un
from tests.loading.fixtures import CASES, CHECKPOINTS, address, how
from universality.activation_functions import NotEncodable
from universality.errors import UniversalityError

Tensors = dict[str, torch.Tensor]


def truncate(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def flip_bits(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    head = min(len(data), 400) if rng.random() < 0.7 else len(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(head)] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))


def overwrite(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start = rng.randrange(len(data))
    data[start : start + rng.choice((1, 4, 8))] = rng.randbytes(rng.choice((1, 4, 8)))
    path.write_bytes(bytes(data))


def empty(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.choice((b"", b"\0", b"PK\x03\x04", b"\xff\xfe\xfd", b"{}")))


def delete(path: Path, rng: random.Random) -> None:
    path.unlink()


def another_file(path: Path, rng: random.Random) -> None:
    others = [p for p in CHECKPOINTS.rglob("*") if p.is_file() and p.suffix == path.suffix]
    shutil.copy(rng.choice(sorted(others)), path)


def another_suffix(path: Path, rng: random.Random) -> None:
    path.rename(path.with_suffix(rng.choice((".pt", ".safetensors", ".npz", ".npy", ".pth"))))


def link_elsewhere(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice(("/etc/hostname", "/dev/null", "nowhere", path.name, "/etc", "..")))


def swap_keys(path: Path, rng: random.Random) -> None:
    def swap(tensors: Tensors) -> Tensors:
        names = list(tensors)
        rng.shuffle(names)
        return dict(zip(tensors, (tensors[name] for name in names), strict=True))

    _rewrite(path, swap)


def drop_or_rename(path: Path, rng: random.Random) -> None:
    def change(tensors: Tensors) -> Tensors:
        name = rng.choice(list(tensors))
        value = tensors.pop(name)
        if rng.random() < 0.5:
            tensors[rng.choice(("", "W_dec", "decoder.weight", "a\nb", "ü" * 99, "k"))] = value
        return tensors

    _rewrite(path, change)


def wrong_shape(path: Path, rng: random.Random) -> None:
    def reshape(tensors: Tensors) -> Tensors:
        name = rng.choice(list(tensors))
        value = tensors[name]
        shapes: list[Callable[[], torch.Tensor]] = [
            lambda: value.T if value.ndim == 2 else value[None],
            lambda: value.reshape(-1),
            lambda: value[..., :0] if value.ndim else value[None],
            lambda: value[None],
            lambda: value[:1] if value.ndim else value[None, None],
            lambda: torch.zeros(()),
            lambda: torch.zeros(D, D),
        ]
        return tensors | {name: rng.choice(shapes)().contiguous()}

    D = rng.choice((1, 8, 24))
    _rewrite(path, reshape)


def wrong_dtype(path: Path, rng: random.Random) -> None:
    dtypes = (
        torch.int64,
        torch.bool,
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.uint8,
        torch.float8_e4m3fn,
        torch.complex64,
    )

    def cast(tensors: Tensors) -> Tensors:
        name = rng.choice(list(tensors))
        return tensors | {name: tensors[name].to(rng.choice(dtypes))}

    _rewrite(path, cast)


def not_finite(path: Path, rng: random.Random) -> None:
    def spoil(tensors: Tensors) -> Tensors:
        name = rng.choice(list(tensors))
        value = tensors[name].clone()
        if value.is_floating_point() and value.numel():
            value.view(-1)[rng.randrange(value.numel())] = rng.choice(
                (float("nan"), float("inf"), -float("inf"), 3e38, 0.0)
            )
        return tensors | {name: value}

    _rewrite(path, spoil)


def huge(path: Path, rng: random.Random) -> None:
    """A size that no machine holds, declared in the header or by strides."""
    if path.suffix == ".safetensors":
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        entry = rng.choice([v for k, v in header.items() if k != "__metadata__"])
        entry["shape"] = rng.choice(([2**40, 2**20], [10**18], [2**63], [-1, 8], [2**31, 2**31]))
        if rng.random() < 0.5:
            entry["data_offsets"] = [0, rng.choice((2**62, 2**64 - 1, 10**12))]
        body = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(body)) + body + data[8 + size :])
    elif path.suffix in (".npy", ".npz"):
        text = rng.choice((b"(24,", b"(8,", b"24, 8)"))
        data = path.read_bytes().replace(text, text[:-1] + b"9" * 6 + text[-1:], 1)
        path.write_bytes(data)
    else:
        stretched = rng.choice(((10**6, 10**6), (10**12,), (2**20, 2**15)))
        _rewrite(
            path,
            lambda t: (
                t
                | {rng.choice(list(t)): torch.zeros(1).as_strided(stretched, [0] * len(stretched))}
            ),
        )


def spoil_json(path: Path, rng: random.Random) -> None:
    """Another value, or another kind of value, somewhere in the configuration."""
    values = json.loads(path.read_text())
    place = values
    while isinstance(place, dict) and place:
        key = rng.choice(list(place))
        if isinstance(place[key], dict) and place[key] and rng.random() < 0.8:
            place = place[key]
            continue
        place[key] = rng.choice(
            (
                None,
                -1,
                0,
                1,
                10**30,
                1e308,
                "x",
                "",
                [],
                {},
                True,
                [[]],
                {"a": 1},
                0.5,
                "\ud800",
                24,
                8,
            )
        )
        break
    text = json.dumps(values)
    path.write_text(text.replace("1e+308", rng.choice(("NaN", "Infinity", "1e999"))))


def break_json(path: Path, rng: random.Random) -> None:
    """Text that is no configuration: too deep, not UTF-8, not a mapping, endless digits."""
    path.write_bytes(
        rng.choice(
            (
                b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
                b"[" * 100_000,
                b'{"d_in": "\xff\xfe"}',
                b"[1, 2]",
                b"null",
                b'{"d_in": ' + b"9" * 10_000 + b"}",
                b"\xef\xbb\xbf{}",
                b'{"d_in": 8',
            )
        )
    )


ANY = (truncate, flip_bits, flip_bits, overwrite, empty, delete, another_file, link_elsewhere)
WEIGHTS = (*ANY, another_suffix, swap_keys, drop_or_rename, wrong_shape, wrong_dtype)
WEIGHTS += (not_finite, huge, wrong_shape, drop_or_rename)
CONFIGS = (*ANY, spoil_json, spoil_json, spoil_json, spoil_json, break_json)


def mutate(folder: Path, rng: random.Random) -> str:
    """Break one or two files of a checkpoint; the name of what was done."""
    done = []
    for _ in range(rng.choice((1, 1, 2))):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        if not files:
            break
        path = rng.choice(files)
        ways = CONFIGS if path.suffix == ".json" else WEIGHTS
        way = rng.choice(ways)
        try:
            way(path, rng)
        except Exception:  # an already broken file cannot be rewritten: cut it instead
            if path.is_file() and path.stat().st_size:
                truncate(path, rng)
        done.append(way.__name__)
    return "+".join(done)


def outcome(case: str, seed: int, place: Path) -> str:
    """What loading a broken copy of a fixture gives: the error's name, or `Dictionary`.

    Anything but a `UniversalityError` passes through, and so does a dictionary that is not what
    it claims to be.
    """
    path, _, part = address(case).partition("#")
    rng = random.Random(f"{case} {seed}")
    copy = place / "copy"
    source = Path(path)
    shutil.copytree(source if source.is_dir() else source.parent, copy)
    mutate(copy, rng)
    spec = str(copy if source.is_dir() else copy / source.name) + (f"#{part}" if part else "")
    try:
        dictionary = un.load(spec, **how(case))
    except UniversalityError as error:
        return type(error).__name__ if str(error) else "an error without words"
    finally:
        shutil.rmtree(copy)
    check(dictionary)
    return "Dictionary"


def check(dictionary: un.Dictionary) -> None:
    """Directions are finite matrices; codes and reconstructions come out in the right shapes."""
    for view in dictionary.views:
        assert dictionary.directions(view).shape[0] == dictionary.d_sae
    x = torch.linspace(-1, 1, 3 * dictionary.d_in).reshape(3, -1)
    if not isinstance(dictionary.activation_fn, NotEncodable):
        codes = dictionary.encode(x)
        assert codes.shape == (3, dictionary.d_sae)
        assert dictionary.decode(codes, x).shape == (3, dictionary.d_out)


def _rewrite(path: Path, change: Callable[[Tensors], Tensors]) -> None:
    if path.suffix == ".safetensors":
        save_file({k: v.contiguous() for k, v in change(load_file(path)).items()}, path)
    elif path.suffix == ".npz":
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        np.savez(path, **{k: v.numpy() for k, v in change(tensors).items()})
    elif path.suffix == ".npy":
        array = np.load(io.BytesIO(path.read_bytes()))
        np.save(path, change({"array": torch.from_numpy(array)}).popitem()[1].numpy())
    else:
        content = torch.load(path, weights_only=True)
        tensors = {k: v for k, v in content.items() if isinstance(v, torch.Tensor)}
        others = {k: v for k, v in content.items() if not isinstance(v, torch.Tensor)}
        torch.save(others | change(tensors), path)


def main(count: int) -> None:
    """Many outcomes, spread over all fixtures, in numbers."""
    counts: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as place:
        for seed in range(count):
            start = time.perf_counter()
            counts[outcome(CASES[seed % len(CASES)], seed, Path(place))] += 1
            slowest = max(slowest, time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(dict(counts.most_common()))  # noqa: T201
    print(f"{count} mutations, slowest {slowest:.2f} s, peak memory {peak:.2f} GiB")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
