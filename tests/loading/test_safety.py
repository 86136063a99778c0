"""A pickle that would run something never does, wherever a torch file is accepted."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import universality as un
from tests.loading.fixtures import CHECKPOINTS
from universality.errors import UnsafeFileError

TORCH_FILES = sorted(path.relative_to(CHECKPOINTS).as_posix() for path in CHECKPOINTS.rglob("*.pt"))


class _TouchesAFile:
    """Unpickled without care, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.path), "w")


def _as_archive(content: object, path: Path) -> None:
    torch.save(content, path)


def _as_legacy_archive(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def _as_plain_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("write", [_as_archive, _as_legacy_archive, _as_plain_pickle])
@pytest.mark.parametrize("place", TORCH_FILES)
def test_a_malicious_pickle_is_refused_named_and_never_run(
    place: str, write: Callable[[object, Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / Path(place).parent.name
    shutil.copytree((CHECKPOINTS / place).parent, folder)
    witness = tmp_path / "it-ran"
    write({"W_dec": torch.zeros(4, 2), "trap": _TouchesAFile(witness)}, folder / Path(place).name)
    format = "sparse_coding" if "learned_dicts" in place else None
    with pytest.raises(UnsafeFileError) as caught:
        un.load(folder / Path(place).name, format=format)
    assert not witness.exists()
    assert "io.open" in str(caught.value)
    assert "nothing in it ran" in str(caught.value)


def test_a_pickled_module_is_refused_and_its_classes_are_named(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(8, 24), tmp_path / "sae.pt")
    with pytest.raises(UnsafeFileError, match=r"torch\.nn\.modules\.linear\.Linear"):
        un.load(tmp_path)


def test_sparse_codings_pickle_needs_the_users_word() -> None:
    path = CHECKPOINTS / "sparse_coding" / "two"
    with pytest.raises(UnsafeFileError, match="pass --format sparse_coding"):
        un.load(f"{path}#0")


def test_a_compressed_pickle_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "sae.pkl.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(UnsafeFileError, match="compressed pickle of classes"):
        un.load(tmp_path / "sae.pkl.gz")
