from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_caches import write_delphi
from universality.activations.token_table import read_table
from universality.codes import token_range
from universality.encoding.delphi import is_delphi, open_delphi, read_delphi
from universality.errors import FormatError, MissingFileError, UnsupportedError


@pytest.fixture
def codes() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 7, 10, generator=generator).relu().half()
    return values * (torch.rand(3, 7, 10, generator=generator) < 0.4)


def test_codes_come_back_whole_and_in_order(tmp_path: Path, codes: torch.Tensor) -> None:
    write_delphi(tmp_path, codes, ((0, 3), (4, 6), (7, 9)))
    found, table = read_delphi(tmp_path)
    dense = token_range(found, range(21)).toarray().T
    np.testing.assert_array_equal(dense, codes.flatten(0, 1).float().numpy())
    assert table.tokens.tolist() == list(range(21))
    assert table.documents.tolist() == [0] * 7 + [1] * 7 + [2] * 7


def test_a_folder_opens_as_a_run_without_weights_and_without_first_positions(
    tmp_path: Path, codes: torch.Tensor
) -> None:
    folder = tmp_path / "run" / "layers.3"
    folder.parent.mkdir()
    write_delphi(folder, codes, ((0, 3), (4, 9)))
    run = open_delphi(folder)
    assert is_delphi(folder)
    assert not is_delphi(tmp_path)
    assert (run.dictionary.d_sae, run.dictionary.views) == (10, ())
    assert run.dictionary.source.name == "run/layers.3"
    assert run.cache.meta.hook_name == "layers.3"
    dense = token_range(run.codes, range(18)).toarray().T
    np.testing.assert_array_equal(dense, codes[:, 1:].flatten(0, 1).float().numpy())
    table = read_table(run.cache)
    assert table.tokens.tolist() == [token for token in range(21) if token % 7]
    assert table.positions.tolist() == [1, 2, 3, 4, 5, 6] * 3
    with pytest.raises(UnsupportedError, match="hold codes, not weights"):
        run.dictionary.encode(torch.empty(1, 0))


def test_what_is_missing_or_damaged_is_named(tmp_path: Path, codes: torch.Tensor) -> None:
    with pytest.raises(MissingFileError, match="no cache of delphi's"):
        read_delphi(tmp_path)
    write_delphi(tmp_path, codes, ((0, 3), (7, 9)))
    with pytest.raises(FormatError, match=r"latents 4 to 6 are missing before 7_9.safetensors"):
        read_delphi(tmp_path)
    write_delphi(tmp_path, codes, ((4, 6),))
    path = tmp_path / "4_6.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(FormatError, match=r"4_6\.safetensors cannot be read"):
        read_delphi(tmp_path)
