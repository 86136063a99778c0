"""The image example on scikit-learn's digits, small; and files that are no images."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.idx_images import read_idx, read_images, sklearn_digits
from analysis.image_network import run
from analysis.image_training import Settings
from universality.errors import FormatError, MissingFileError


def idx(values: np.ndarray) -> bytes:
    head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


@pytest.mark.slow
def test_a_network_of_digits_runs_on_features(tmp_path: Path) -> None:
    settings = Settings(
        width=32,
        epochs=20,
        n_inputs=20_000,
        n_inputs_connected=20_000,
        steps=150,
        seeds=(0, 1),
        expansion=2,
        l1=0.1,
    )
    run(sklearn_digits(), tmp_path / "out", tmp_path / "work", settings)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["accuracy"] > 0.9
    simulated = pd.read_csv(tmp_path / "out" / "simulated.csv")
    whole = simulated.query("weights == 'all' and recipe == 'per_feature'")
    assert (whole["connected"] > 0.8).all()
    assert (whole["ablated"] < 0.2).all()
    quality = pd.read_csv(tmp_path / "out" / "connectors.csv").query("seed == 0")
    by_recipe = quality.groupby("recipe")["dead_rows"].sum()
    assert by_recipe["per_feature"] <= by_recipe["published"]
    across = pd.read_csv(tmp_path / "out" / "across_seeds.csv").query("similarity == 0")
    assert (across["cosine_ceiling"] > across["cosine_null"] + 0.3).all()
    assert (tmp_path / "out" / "pictures.npz").is_file()


def test_idx_files_are_read_packed_or_not(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4))
    labels = np.arange(6) % 3
    for stem in ("train", "t10k"):
        (tmp_path / f"{stem}-images-idx3-ubyte").write_bytes(idx(images))
        packed = gzip.compress(idx(labels))
        (tmp_path / f"{stem}-labels-idx1-ubyte.gz").write_bytes(packed)
    found = read_images(tmp_path, name="made up")
    assert found.train.shape == (6, 16)
    np.testing.assert_allclose(found.train.numpy(), images.reshape(6, 16) / 255, rtol=1e-6)
    assert found.test_labels.tolist() == labels.tolist()
    assert found.n_classes == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as an idx file"),
        (b"\x00\x00\x08\x01" + b"\x00" * 4, "does not begin as an idx file"),
        (idx(np.zeros((2, 3, 3)))[:-1], "it declares"),
    ],
)
def test_what_is_no_idx_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_idx(path, axes=3)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="train-images-idx3-ubyte"):
        read_images(tmp_path, name="nothing")
