from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.made_caches import write_cache
from tests.made_runs import unit_rows
from universality.activation_functions import ReLU
from universality.activations.cache import read_rows
from universality.dictionary import Dictionary, RunKey, Source
from universality.evidence.stitching import stitching_gain
from universality.matching import find_candidates
from universality.recurrence.study import stability
from universality.recurrence.widths import ladder as widths
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet, gather_runs

POLICY = Policy(nulls=("geometry",), n_draws=2)


def _run(rows: Tensor, name: str) -> Dictionary:
    return Dictionary(
        W_dec=rows, W_enc=rows, activation_fn=ReLU(), key=RunKey(seed=0), source=Source(name=name)
    )


def _features() -> Tensor:
    """Orthonormal rows: 64 directions that nothing shares."""
    return torch.linalg.qr(unit_rows(64, 64, seed=0).double())[0].float()


def _planted() -> tuple[Dictionary, Dictionary]:
    """Narrow: 24 features. Wide: 10 kept, 6 split in two, 2 threes merged, 10 new; 2 are lost."""
    f = _features()
    halves = [f[10:16] + 1.3 * sign * f[30:36] for sign in (1, -1)]
    merged = torch.stack([f[16] + f[17] + f[18], f[19] + f[20] + f[21]])
    wide = torch.cat([f[:10], *halves, merged, f[40:50]])
    return _run(f[:24], "narrow"), _run(torch.nn.functional.normalize(wide, dim=1), "wide")


def _cache(folder: Path, features: Tensor):
    generator = torch.Generator().manual_seed(0)
    fires = torch.rand(600, len(features), generator=generator) < 0.1
    return write_cache(folder, (fires * torch.rand(fires.shape, generator=generator)) @ features)


def test_planted_grades_are_found(tmp_path: Path) -> None:
    narrow, wide = _planted()
    found = stability([narrow, wide], POLICY, activations=[_cache(tmp_path / "acts", _features())])
    assert found.widths is not None
    grades = found.widths.narrow["grade"].tolist()
    assert grades == ["same"] * 10 + ["split"] * 6 + ["none"] * 8
    members = found.widths.narrow["members"].tolist()
    assert [sorted(one) for one in members[10:16]] == [[10 + i, 16 + i] for i in range(6)]
    origins = found.widths.wide["grade"].tolist()
    assert origins[:10] == ["same"] * 10
    assert origins[22:24] == ["merged"] * 2
    assert origins[24:] == ["novel"] * 10
    assert found.summary["widths"][0]["narrow_grades"] == {"same": 10, "split": 6, "none": 8}


def test_an_unrelated_wide_run_splits_as_many_as_the_null_says() -> None:
    """In few dimensions chance explains every latent a bit: the null must say so."""
    draws = 3
    policy = replace(POLICY, n_draws=draws, nulls=("isotropic",), threshold=0.95)
    runs = [_run(unit_rows(n, 16, seed=n), f"r{n}") for n in (200, 400)]
    step = stability(runs, policy).summary["widths"][0]
    split = step["narrow_grades"]["split"] / 200
    # One of four exchangeable runs explains a latent best in a quarter of cases.
    assert split == pytest.approx(1 / (draws + 1), abs=0.09)
    assert step["null_split_fraction"] == pytest.approx(1 / draws, abs=0.09)


def test_without_activations_nothing_is_called_novel() -> None:
    found = stability(list(_planted()), POLICY)
    assert found.widths is not None
    origins = found.widths.wide["grade"].tolist()
    assert origins == ["same"] * 10 + ["refined"] * 12 + ["merged"] * 2 + ["none"] * 10
    assert "stitching_gain" not in found.widths.wide


def test_the_flow_counts_every_wide_latent_once_and_every_lost_narrow_one() -> None:
    found = stability(list(_planted()), POLICY)
    assert found.widths is not None
    flow = found.widths.flow.set_index(["source", "target"])["n_latents"]
    assert flow.to_dict() == {
        ("same", "same"): 10,
        ("split", "refined"): 12,
        ("none", "merged"): 2,
        ("nothing", "none"): 10,
        ("none", "nothing"): 8,
    }


def test_split_members_fire_where_the_split_latent_fires(tmp_path: Path) -> None:
    narrow, wide = _planted()
    policy = Policy(nulls=("geometry",), n_draws=2)
    found = stability(
        [narrow, wide], policy, activations=[_cache(tmp_path / "acts", _features()[:24])]
    )
    assert found.widths is not None
    split = found.widths.narrow.query("grade == 'split'")
    # Without the other halves' features both members fire exactly when the whole does.
    assert split["any_cofiring"].tolist() == pytest.approx([1.0] * 6)


def test_stitching_is_the_change_of_the_error_when_a_latent_joins(tmp_path: Path) -> None:
    narrow, wide = _planted()
    cache = _cache(tmp_path / "acts", _features())
    gain = stitching_gain(narrow, wide, cache).gain
    x = torch.cat([shard.activations for shard in cache.shards]).float()
    codes, base = wide.encode(x), narrow.decode(narrow.encode(x))
    error = (x - base).square().sum()
    slow = [
        ((x - base - codes[:, j : j + 1] * wide.W_dec[j]).square().sum() - error) / error
        for j in range(wide.d_sae)
    ]
    np.testing.assert_allclose(gain, torch.stack(slow).numpy(), atol=1e-5)


def test_stitching_is_judged_over_documents(tmp_path: Path) -> None:
    """The sum over documents by its standard error, by hand; a silent latent has none."""
    narrow, wide = _planted()
    cache = _cache(tmp_path / "acts", _features())
    rows = read_rows(cache, torch.arange(len(cache)))
    found = stitching_gain(narrow, wide, cache)
    x, document = rows.activations.float(), rows.documents.numpy()
    codes, base = wide.encode(x), narrow.decode(narrow.encode(x))
    before = (x - base).square().sum(dim=1)
    for j in (0, wide.d_sae - 1):
        after = (x - base - codes[:, j : j + 1] * wide.W_dec[j]).square().sum(dim=1)
        change = np.bincount(document, (after - before).numpy())
        expected = change.sum() / (np.sqrt(change.size) * change.std(ddof=1))
        assert found.z[j] == pytest.approx(expected, rel=1e-3)


def test_a_seed_of_the_same_width_is_the_control_of_novel_latents(tmp_path: Path) -> None:
    narrow, wide = _planted()
    other = replace(narrow, key=replace(narrow.key, seed=99))
    first = replace(narrow, key=replace(narrow.key, seed=0))
    cache = _cache(tmp_path / "acts", _features())
    summary = stability([first, other, wide], POLICY, activations=[cache]).summary
    step = summary["widths"][0]
    assert step["novel_control"]["fraction"] == 0.0
    assert step["split_p"] == 1 / (POLICY.n_draws + 1)
    alone = stability([narrow, wide], POLICY, activations=[cache]).summary["widths"][0]
    assert alone["novel_control"] is None


def test_an_interrupted_ladder_goes_on_where_it_stopped(tmp_path: Path, monkeypatch) -> None:
    runs, calls = list(_planted()), []

    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:  # the search itself, and one draw of the null, are kept
            raise KeyboardInterrupt
        return find_candidates(*arguments, **options)

    monkeypatch.setattr(widths, "find_candidates", counted)
    with pytest.raises(KeyboardInterrupt):
        stability(runs, POLICY, store=tmp_path / "store")
    resumed = stability(runs, POLICY, store=tmp_path / "store")
    assert len(calls) == 4
    assert resumed.summary["widths"] == stability(runs, POLICY).summary["widths"]


def test_with_absolute_flipped_wide_latents_have_the_same_grades() -> None:
    narrow, wide = _planted()
    flip = torch.where(torch.arange(wide.d_sae) % 2 == 0, -1.0, 1.0)[:, None]
    policy = Policy(nulls=("geometry",), n_draws=2, absolute=True)
    found = stability([narrow, _run(wide.W_dec * flip, "wide")], policy)
    assert found.summary["widths"][0]["narrow_grades"] == {"same": 10, "split": 6, "none": 8}


def _keyed(*keys: tuple[int, int | None, int | None]) -> RunSet:
    """Runs of these widths, seeds and steps."""
    runs = [
        Dictionary(W_dec=unit_rows(width, 3, seed=i), key=RunKey(seed=seed, step=step))
        for i, (width, seed, step) in enumerate(keys)
    ]
    return gather_runs(runs, POLICY)


@pytest.mark.parametrize(
    ("keys", "pair"),
    [
        ([(4, 0, None), (8, 0, None), (8, 1, None)], (0, 2)),
        ([(8, 0, None), (8, 1, None), (4, 0, None), (4, 1, None)], (2, 1)),
        ([(4, 0, None), (8, 0, None), (8, None, None)], (0, 2)),
        ([(4, 0, None), (8, 0, None)], (0, 1)),
        ([(4, 0, 9), (8, 1, 3), (8, 1, 9), (8, 0, 9)], (0, 2)),
        ([(4, 0, 9), (8, 1, 3), (8, 0, 9)], (0, 1)),
    ],
)
def test_a_step_is_between_runs_of_different_seeds_where_there_are_such(
    keys: list[tuple[int, int | None, int | None]], pair: tuple[int, int]
) -> None:
    assert widths.ladder(_keyed(*keys)) == [pair]


def test_runs_of_one_width_have_no_ladder() -> None:
    narrow, _ = _planted()
    other = _run(unit_rows(24, 64, seed=9), "other")
    assert stability([narrow, other], POLICY).widths is None
