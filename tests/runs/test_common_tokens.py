from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.made_caches import cut_cache, write_cache
from tests.planted_axes import N_AXES, N_TOKENS, axis_activations, axis_of, axis_run
from universality.codes import token_range
from universality.comparison.comparison import compare
from universality.errors import InvalidInputError
from universality.recurrence.study import stability
from universality.runs.common_tokens import cache_for, common_rows, encode_runs
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


def _cut_twice(folder: Path):
    """What one tokenizer that cuts at every third character sees, and one that cuts at each."""
    states = axis_activations().reshape(4, N_TOKENS // 4, N_AXES)
    every = np.arange(1, N_TOKENS // 4 + 1)
    return [
        cut_cache(folder / "coarse", states, every[::3]),
        cut_cache(folder / "fine", states, every),
    ]


def test_codes_over_two_tokenizers_are_those_over_the_coarser_alone(tmp_path: Path) -> None:
    coarse, fine = _cut_twice(tmp_path)
    runs = [axis_run(0), axis_run(1)]
    of_two, _ = encode_runs(runs, [coarse, fine], progress=False)
    of_one, _ = encode_runs(runs, [coarse, coarse], progress=False)
    for joined, alone in zip(of_two, of_one, strict=True):
        both = (token_range(one.codes, range(len(coarse))) for one in (joined, alone))
        np.testing.assert_array_equal(*(codes.toarray() for codes in both))
        assert joined.codes.n_tokens == len(coarse)
    assert [one.share_in_common for one in of_two] == [1, len(coarse) / len(fine)]


def test_a_comparison_over_two_tokenizers_is_that_over_the_coarser_alone(tmp_path: Path) -> None:
    coarse, fine = _cut_twice(tmp_path)
    policy = Policy(views=("activations",), nulls=("geometry",), n_draws=2)
    of_two, of_one = (
        compare(axis_run(0), axis_run(1), policy, activations=caches)
        for caches in ([coarse, fine], coarse)
    )
    pd.testing.assert_frame_equal(of_two.pairs, of_one.pairs)
    share = {"a": 1, "b": len(coarse) / len(fine)}
    assert of_two.summary["activations"]["share_in_common"] == share
