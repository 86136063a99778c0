from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from universality.codes import token_range
from universality.encoding.delphi import read_delphi
from universality.errors import FormatError, MissingFileError


@pytest.fixture
def codes() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 7, 10, generator=generator).relu().half()
    return values * (torch.rand(3, 7, 10, generator=generator) < 0.4)


def write(folder: Path, codes: torch.Tensor, ranges: tuple[tuple[int, int], ...]) -> None:
    """As delphi does: locations counted from the first latent of each file, tokens in each."""
    folder.mkdir(exist_ok=True)
    for first, last in ranges:
        part = codes[..., first : last + 1]
        where = part.nonzero()
        content = {
            "locations": where.to(torch.int32).contiguous(),
            "activations": part[tuple(where.T)].contiguous(),
            "tokens": torch.arange(21).reshape(3, 7),
        }
        save_file(content, folder / f"{first}_{last}.safetensors")


def test_codes_come_back_whole_and_in_order(tmp_path: Path, codes: torch.Tensor) -> None:
    write(tmp_path, codes, ((0, 3), (4, 6), (7, 9)))
    found, table = read_delphi(tmp_path)
    dense = token_range(found, range(21)).toarray().T
    np.testing.assert_array_equal(dense, codes.flatten(0, 1).float().numpy())
    assert table.tokens.tolist() == list(range(21))
    assert table.documents.tolist() == [0] * 7 + [1] * 7 + [2] * 7


def test_what_is_missing_or_damaged_is_named(tmp_path: Path, codes: torch.Tensor) -> None:
    with pytest.raises(MissingFileError, match="no cache of delphi's"):
        read_delphi(tmp_path)
    write(tmp_path, codes, ((0, 3), (7, 9)))
    with pytest.raises(FormatError, match=r"latents 4 to 6 are missing before 7_9.safetensors"):
        read_delphi(tmp_path)
    write(tmp_path, codes, ((4, 6),))
    path = tmp_path / "4_6.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(FormatError, match="not a readable file"):
        read_delphi(tmp_path)
