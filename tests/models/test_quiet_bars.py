"""What transformers draws on its own account stays off the terminal."""

from __future__ import annotations

import importlib

import pytest

from universality.models.quiet_bars import no_foreign_bars


def test_the_bar_over_the_tensors_of_a_gguf_file_is_not_drawn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = importlib.import_module("transformers.modeling_gguf_pytorch_utils")
    drawn = module.tqdm
    with no_foreign_bars():
        assert list(module.tqdm(range(3), desc="tensors")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    assert module.tqdm is drawn
    list(module.tqdm(range(3), desc="tensors"))
    assert "tensors" in capsys.readouterr().err  # so the test above says something
