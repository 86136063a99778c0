"""The nearest other latent of a run, against the whole matrix without its diagonal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.matching.problems import KINDS, cosines, problem
from universality.matching import Tiling, nearest_other
from universality.similarity import Cosine


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_largest_off_the_diagonal(kind: str, precision: torch.dtype) -> None:
    a, _ = problem(kind, 150, 60)
    values = cosines(a, a)
    np.fill_diagonal(values, -np.inf)
    similarity = Cosine.between(a, a, precision=precision)
    found = nearest_other(similarity, tiling=Tiling(block_rows=32, block_cols=64), progress=False)
    np.testing.assert_allclose(found, values.max(axis=1), atol=1e-12)


def test_a_latent_alone_has_no_other() -> None:
    alone = Cosine.between(np.ones((1, 3)), np.ones((1, 3)))
    assert nearest_other(alone, progress=False).tolist() == [-np.inf]
