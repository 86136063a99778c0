"""Directions of two models through a fitted map: planted rotations, and models without relation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.cli import main
from universality.comparison import Policy, compare
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.recurrence.study import stability
from universality.saving import save

N, D, WIDER = 120, 12, 16
QUICK = Policy(nulls=("geometry",), n_draws=4, min_firing=4, held_out=False)


def of_model(run: Dictionary, model: str) -> Dictionary:
    return replace(run, key=replace(run.key, model_name=model))


def states(seed: int, n: int = 2_400) -> Tensor:
    """Not isotropic: directions of unequal strength, as language models have."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, D, generator=generator) * torch.linspace(3, 1, D) + 0.5


def turn(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(WIDER, WIDER, generator=generator))[0][:D]


def models(folder: Path, x: Tensor, y: Tensor) -> list[Path]:
    for name, rows in (("one", x), ("two", y)):
        write_cache(folder / name, rows, n_documents=40, model_name=name)
    return [folder / "one", folder / "two"]


@pytest.mark.parametrize("kind", ["rotation", "affine"])
def test_a_rotated_model_is_the_same_model_through_the_map(kind: str, tmp_path: Path) -> None:
    x, rows, q = states(0), unit_rows(N, D, seed=1), turn(2)
    caches = models(tmp_path, x, x @ q)
    a, b = of_model(make_run(rows), "one"), of_model(make_run(rows @ q), "two")
    summary = compare(a, b, replace(QUICK, align=kind), activations=caches).summary
    assert list(summary["views"]) == ["decoder", "encoder", "activations"]
    about = summary["alignment"]
    assert about["kind"] == kind
    assert about["explained"] > 0.999
    assert about["null_explained"] < 0.05
    for view in ("decoder", "encoder"):
        found = summary["views"][view]["assignment"]
        assert found["mean"] > 0.995
        assert next(iter(summary["views"][view]["nulls"])) == "fitted"
        assert found["null_mean"] < 0.8
    assert summary["agreement"]["decoder_activations"]["value"] > 0.95
    by_id = {check["id"]: check["status"] for check in summary["checks"]}
    assert by_id["fitted_map"] == "ok"
    assert by_id["model"] == "ok"


def test_an_affine_map_undoes_what_a_rotation_cannot(tmp_path: Path) -> None:
    """y = x S: what writes w in a writes w S in b, and what reads e reads S^-1 e."""
    x, rows = states(0), unit_rows(N, D, seed=1)
    generator = torch.Generator().manual_seed(5)
    stretch = turn(3)[:, :D] @ torch.diag(torch.linspace(0.2, 4, D)) + 0.1 * torch.randn(
        D, D, generator=generator
    )
    caches = models(tmp_path, x, x @ stretch)
    b = make_run(rows @ stretch, W_enc=rows @ torch.linalg.inv(stretch).T)
    means = {}
    for kind in ("rotation", "affine"):
        policy = replace(QUICK, align=kind, views=("decoder", "encoder"))
        found = compare(
            of_model(make_run(rows), "one"), of_model(b, "two"), policy, activations=caches
        )
        means[kind] = [found.summary["views"][v]["assignment"]["mean"] for v in policy.views or ()]
    assert min(means["affine"]) > 0.98
    assert max(means["rotation"]) < 0.95


@pytest.mark.parametrize("kind", ["rotation", "affine"])
def test_a_map_between_unrelated_models_gives_its_null(kind: str, tmp_path: Path) -> None:
    caches = models(tmp_path, states(0), states(7) @ turn(2))
    a = of_model(make_run(unit_rows(N, D, seed=1)), "one")
    b = of_model(make_run(unit_rows(N, D, seed=9) @ turn(2)), "two")
    summary = compare(a, b, replace(QUICK, align=kind, n_draws=12), activations=caches).summary
    assert summary["alignment"]["explained"] < 0.01
    for view in ("decoder", "encoder"):
        found = summary["views"][view]["assignment"]
        assert abs(found["mean"] - found["null_mean"]) < 4 * found["null_sd"]
        assert summary["views"][view]["latents"]["a"]["above_chance"] is None


def test_what_a_map_needs_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, q = states(0), turn(2)
    a = of_model(make_run(unit_rows(N, D, seed=1)), "one")
    b = of_model(make_run(unit_rows(N, WIDER, seed=2)), "two")
    rotated = replace(QUICK, align="rotation")
    with pytest.raises(InvalidInputError, match="with --activations DIR for each model"):
        compare(a, b, rotated)
    lone = [
        write_cache(tmp_path / f"l{i}", rows, n_documents=1) for i, rows in enumerate((x, x @ q))
    ]
    with pytest.raises(InvalidInputError, match="the cache has one document"):
        compare(a, b, rotated, activations=lone)
    few = models(tmp_path / "few", x[:20], x[:20] @ q)
    with pytest.raises(InvalidInputError, match="more tokens than dimensions"):
        compare(a, b, replace(rotated, min_firing=1), activations=few)
    caches = models(tmp_path, x, x @ q)
    with pytest.raises(InvalidInputError, match="use it with `compare`"):
        stability([a, b], rotated, activations=caches)
    written = replace(b, W_dec=unit_rows(N, D + 1, seed=4))
    with pytest.raises(InvalidInputError, match="writes elsewhere than it reads"):
        compare(a, written, rotated, activations=caches)
    for name, run in (("a", a), ("b", replace(a, key=replace(a.key, model_name="two")))):
        save(run, tmp_path / name)
    paths = [str(tmp_path / name) for name in "ab"]
    given = ["--activations", str(caches[0])]
    with pytest.raises(SystemExit) as left:
        main(["compare", *paths, *given, "--view", "decoder", "--out", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "--align rotation" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_map(tmp_path: Path) -> None:
    x, rows = states(0), unit_rows(N, D, seed=1)
    noisy = x @ turn(2) + 0.3 * torch.randn(
        len(x), WIDER, generator=torch.Generator().manual_seed(3)
    )
    caches = models(tmp_path, x, noisy)
    a, b = of_model(make_run(rows), "one"), of_model(make_run(rows @ turn(2)), "two")
    first, again = (
        compare(a, b, replace(QUICK, align="rotation"), activations=caches) for _ in range(2)
    )
    assert first.summary["alignment"] == again.summary["alignment"]
    np.testing.assert_array_equal(first.pairs["similarity"], again.pairs["similarity"])
