from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_caches import write_cache
from tests.planted_axes import N_AXES, N_TOKENS, axis_activations, axis_of, axis_run
from universality.errors import InvalidInputError
from universality.recurrence.study import stability
from universality.runs.common_tokens import cache_for, common_rows
from universality.runs.policy import Policy

TOKENS = torch.arange(N_TOKENS, dtype=torch.int32) % 50
KEPT = torch.arange(N_TOKENS) % (N_TOKENS // 4) >= 4
"""The first four tokens of each of four documents are dropped."""


def _caches(folder: Path):
    activations = axis_activations()
    return [
        write_cache(folder / "a", activations, tokens=TOKENS, hook_name="early"),
        write_cache(folder / "b", activations[KEPT], tokens=TOKENS[KEPT], first=4, hook_name="b"),
    ]


def test_common_rows_are_the_tokens_that_every_cache_kept(tmp_path: Path) -> None:
    caches = _caches(tmp_path)
    for order in ([0, 1, 0], [1, 0]):
        rows = dict(zip(order, common_rows([caches[i] for i in order]), strict=True))
        np.testing.assert_array_equal(rows[0], torch.nonzero(KEPT)[:, 0])
        np.testing.assert_array_equal(rows[1], np.arange(int(KEPT.sum())))


def test_runs_are_compared_on_what_all_caches_kept(tmp_path: Path) -> None:
    late, early = axis_run(0, name="late", hook_name="b"), axis_run(0, hook_name="early")
    policy = Policy(views=("activations",), nulls=("geometry",), n_draws=2)
    found = stability([late, early], policy, activations=_caches(tmp_path))
    assert found.pairs["mean"].tolist() == pytest.approx([1])
    assert found.contexts is not None
    for family, texts in found.contexts.groupby("family"):
        of_late = found.latents[found.latents["run"] == "late"]
        member = of_late[of_late["family_activations"] == family].iloc[0]
        column = axis_activations()[KEPT][:, axis_of(late, member["latent"])].half()
        assert float(column[texts["row"].tolist()[0]]) == float(column.max())


def test_a_run_reads_the_cache_of_its_hook_or_one_of_its_width(tmp_path: Path) -> None:
    caches = _caches(tmp_path)
    assert cache_for(axis_run(0, hook_name="b"), caches) is caches[1]
    assert cache_for(axis_run(0, hook_name="elsewhere"), caches) is caches[0]
    narrow = write_cache(tmp_path / "c", torch.randn(40, 8))
    with pytest.raises(InvalidInputError, match=f"reads d_in={N_AXES}, but --activations has 8"):
        cache_for(axis_run(0), [narrow])


def test_texts_that_are_not_the_same_are_refused(tmp_path: Path) -> None:
    caches = _caches(tmp_path)
    other = write_cache(tmp_path / "c", axis_activations(), tokens=TOKENS.flip(0))
    with pytest.raises(InvalidInputError, match="disagree on"):
        common_rows([caches[0], other])
