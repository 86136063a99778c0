"""`compare --geometry` on two models whose spaces were planted: rotated, wider, or unrelated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.activation_functions import TopK
from universality.activations.cache import ActivationCache
from universality.cli import main
from universality.cli.screen import comparison_screen
from universality.comparison import Policy, compare
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.pair_geometry.geometry_reading import ARRANGEMENT_STATISTICS
from universality.results import read_comparison
from universality.saving import save

QUICK = Policy(nulls=("isotropic",), n_draws=2, min_firing=4, held_out=False)
N, D, WIDER = 90, 12, 16


def of_model(run: Dictionary, model: str) -> Dictionary:
    return replace(run, key=replace(run.key, model_name=model))


@pytest.fixture(scope="module")
def spaces() -> tuple[Tensor, Tensor, Tensor]:
    """Tokens of the first model, and a rotation into the second, which is wider."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(WIDER, WIDER, generator=generator))[0][:D]
    return torch.randn(1_600, D, generator=generator), turn, unit_rows(N, D, seed=1)


@pytest.fixture
def caches(tmp_path: Path, spaces: tuple[Tensor, Tensor, Tensor]) -> list[ActivationCache]:
    tokens, turn, _ = spaces
    return [
        write_cache(tmp_path / "acts-a", tokens, n_documents=20, model_name="one"),
        write_cache(tmp_path / "acts-b", tokens @ turn, n_documents=20, model_name="two"),
    ]


def test_a_rotated_model_is_arranged_alike_and_another_decoder_is_not(
    caches: list[ActivationCache], spaces: tuple[Tensor, Tensor, Tensor], tmp_path: Path
) -> None:
    _, turn, rows = spaces
    order = torch.randperm(N, generator=torch.Generator().manual_seed(3))
    a = of_model(make_run(rows), "one")
    elsewhere = unit_rows(N, WIDER, seed=9)
    b = of_model(make_run(elsewhere, W_enc=(rows @ turn)[order]), "two")
    found = compare(a, b, QUICK, activations=caches, geometry=True)
    assert list(found.summary["views"]) == ["activations"]
    about = found.summary["geometry"]
    assert about["n_pairs"] > 60
    assert about["n_draws"] == 19
    by = {(one["view"], one["statistic"]): one for one in about["statistics"]}
    assert {name for _, name in by} == set(ARRANGEMENT_STATISTICS)
    for name in ("debiased_cka", "rsa", "held_out_procrustes", "mutual_neighbours"):
        same, other = by["encoder", name], by["decoder", name]
        assert same["value"] > 0.95
        assert same["p_value"] == pytest.approx(0.05)
        assert abs(same["null_mean"]) < 0.2
        assert abs(other["value"] - other["null_mean"]) < 4 * other["null_sd"]
    assert "fewer than 20 components" in by["encoder", "cross_validated_cca"]["undefined"]
    assert by["encoder", "cross_validated_cca"]["p_value"] is None
    table = found.geometry
    assert table is not None
    assert table.groupby(["view", "statistic"])["draw"].agg(list).map(len).eq(20).all()
    found.save(tmp_path / "out")
    again = read_comparison(tmp_path / "out")
    assert again.geometry is not None
    assert again.summary["geometry"] == about
    screen = comparison_screen(found.summary, Path("out"))
    assert f"geometry of {about['n_pairs']} pairs" in screen
    assert "debiased CKA" in screen
    assert "no value: " in screen


def test_the_null_pairs_anew_as_many_pairs(
    caches: list[ActivationCache], spaces: tuple[Tensor, Tensor, Tensor]
) -> None:
    """Independent encoders over the same tokens fire alike by far less than a copy does."""
    _, turn, rows = spaces
    a, b = of_model(make_run(rows), "one"), of_model(make_run(rows @ turn), "two")
    found = compare(a, b, replace(QUICK, n_draws=25), activations=caches, geometry=True)
    assert found.summary["geometry"]["n_draws"] == 25
    assert found.geometry is not None
    drawn = found.geometry.query("draw >= 0 and statistic == 'debiased_cka'")
    assert drawn["value"].nunique() == 25  # one decoder and encoder: as many draws
    assert abs(drawn["value"].mean()) < 0.05
    repeated = compare(a, b, replace(QUICK, n_draws=25), activations=caches, geometry=True)
    assert repeated.geometry is not None
    np.testing.assert_array_equal(found.geometry["value"], repeated.geometry["value"])


def test_what_geometry_needs_is_said(
    caches: list[ActivationCache],
    spaces: tuple[Tensor, Tensor, Tensor],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, _, rows = spaces
    run = make_run(rows)
    with pytest.raises(InvalidInputError, match="--geometry compares latents that fire together"):
        compare(run, make_run(unit_rows(N, D, seed=5)), QUICK, geometry=True)
    lone = write_cache(tmp_path / "lone", torch.randn(200, D), n_documents=1)
    with pytest.raises(InvalidInputError, match="the cache has one document"):
        compare(run, make_run(unit_rows(N, D, seed=5)), QUICK, activations=lone, geometry=True)
    few = replace(make_run(rows[:3]), activation_fn=TopK(1))
    with pytest.raises(InvalidInputError, match="3 pairs of latents fire alike"):
        compare(few, few, QUICK, activations=caches[0], geometry=True)
    for number in (0, 1):
        save(make_run(unit_rows(N, D, seed=number)), tmp_path / f"run-{number}")
    paths = [str(tmp_path / f"run-{number}") for number in (0, 1)]
    with pytest.raises(SystemExit) as left:
        main(["compare", *paths, "--geometry", "--out", str(tmp_path / "none")])
    assert left.value.code == 2
    assert "pass a cache with --activations" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
