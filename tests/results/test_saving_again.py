"""A result saved where another was, or where files of another program are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_results import made_comparison
from universality.errors import OutputError
from universality.results import read_comparison


def test_saving_again_leaves_no_table_of_the_earlier_result(tmp_path: Path) -> None:
    first = replace(made_comparison(), logits=None)
    table = pd.DataFrame({"x": [1.0]})
    matrix = np.zeros((2, 2), dtype=np.float32)
    replace(first, logits=table, matrices={"decoder": matrix}).save(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    first.save(tmp_path)
    read = read_comparison(tmp_path)
    assert read.logits is None
    assert not read.matrices
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["summary.json", "pairs.parquet", "similarity_decoder.npy"])
def test_files_of_another_program_are_not_saved_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"schema": "another/1"}')
    with pytest.raises(OutputError, match=rf"holds {name}, and no result of this kind"):
        made_comparison().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == '{"schema": "another/1"}'
