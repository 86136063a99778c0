"""Many runs by what fires when: families with their texts, and the null of the tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_caches import write_cache
from universality.activation_functions import ReLU
from universality.comparison.policy import Policy
from universality.dictionary import Dictionary, RunKey, Source
from universality.families.many_runs import stability
from universality.results import Stability, read_stability

POLICY = Policy(nulls=("geometry",), n_draws=2)
N, N_SHARED, N_TOKENS = 30, 20, 2_000


def _run(seed: int) -> Dictionary:
    """Reads 20 axes that all runs read and 10 of its own, out of 50; shuffled."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.arange(N_SHARED + 10 * seed, N_SHARED + 10 * (seed + 1))
    axes = torch.cat([torch.arange(N_SHARED), own])[torch.randperm(N, generator=generator)]
    rows = torch.eye(50)[axes]
    key = RunKey(seed=seed, hook_name="blocks.0.hook_resid_post", model_name="planted")
    return Dictionary(
        W_dec=rows, W_enc=rows, activation_fn=ReLU(), key=key, source=Source(name=f"run{seed}")
    )


@pytest.fixture(scope="module")
def activations() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    fires = torch.rand(N_TOKENS, 50, generator=generator) < 0.05
    return fires * (0.5 + torch.rand(N_TOKENS, 50, generator=generator))


@pytest.fixture(scope="module")
def found(activations: torch.Tensor, tmp_path_factory: pytest.TempPathFactory) -> Stability:
    cache = write_cache(tmp_path_factory.mktemp("caches") / "c", activations)
    return stability([_run(seed) for seed in range(3)], POLICY, activations=[cache])


def test_every_rule_of_the_spectrum_has_its_null(found: Stability) -> None:
    assert set(found.summary["spectrum"]) == {
        "decoder",
        "encoder",
        "activations",
        "decoder_and_encoder",
    }
    for rule, rows in found.summary["spectrum"].items():
        assert all("null" in row for row in rows), rule
        assert "null" in found.summary["cycle_consistency"][rule]
        assert all("null" in row for row in found.summary["only_in_one_by_view"][rule])
    assert found.spectrum["null_fraction"].notna().all()


def test_unit_norms_are_nothing_to_set_stability_against(found: Stability) -> None:
    assert set(found.summary["stability_by"]) == {"frequency"}


def test_on_other_tokens_nothing_is_shared(found: Stability) -> None:
    at = [row for row in found.summary["spectrum"]["activations"] if row["threshold"] == 0.7]
    assert [row["fraction"] for row in at] == pytest.approx([1 / 3, 0, 2 / 3])
    assert [row["null"] for row in at] == pytest.approx([1, 0, 0])
    low = [row for row in found.summary["spectrum"]["activations"] if row["threshold"] == 0.3]
    assert low[0]["null"] == pytest.approx(1)
    cycles = found.summary["cycle_consistency"]["activations"]
    assert cycles["mean"] >= N_SHARED / N - 1e-9
    assert cycles["null"] < 0.2
    assert "tokens" in found.summary["null"]["name"]


def test_the_texts_of_a_family_are_those_on_which_its_axis_is_strongest(
    found: Stability, activations: torch.Tensor
) -> None:
    assert found.contexts is not None
    rule = found.summary["headline_rule"]
    members = found.latents[found.latents[f"family_{rule}"] >= 0]
    assert set(found.contexts["family"]) == set(members[f"family_{rule}"])
    for family, texts in found.contexts.groupby("family"):
        first = members[members[f"family_{rule}"] == family].iloc[0]
        axis = int(_run(int(first["run"][-1])).W_dec[first["latent"]].argmax())
        column = activations[:, axis].half()
        strongest = column.topk(3)
        assert texts["rank"].tolist() == [0, 1, 2]
        np.testing.assert_allclose(column[texts["row"].tolist()], strongest.values, atol=2e-3)
        for codes, row in zip(texts["codes"], texts["row"], strict=True):
            assert len(codes) == 3
            assert codes == pytest.approx([float(column[row] / column.max())] * 3, abs=2e-3)


def test_texts_survive_saving(found: Stability, tmp_path: Path) -> None:
    found.save(tmp_path / "result")
    again = read_stability(tmp_path / "result").contexts
    assert again is not None
    assert found.contexts is not None
    assert again["row"].equals(found.contexts["row"])
    assert [list(one) for one in again["tokens"]] == found.contexts["tokens"].tolist()


def test_an_interrupted_encoding_and_its_nulls_are_kept(
    found: Stability, activations: torch.Tensor, tmp_path: Path
) -> None:
    cache, store = write_cache(tmp_path / "cache", activations), tmp_path / "pairs"
    runs = [_run(seed) for seed in range(3)]
    for _ in range(2):
        again = stability(runs, POLICY, activations=[cache], store=store)
        assert again.summary == found.summary
    kept = [one.name for one in store.iterdir()]
    assert sum(name.startswith("codes-") for name in kept) == 3
    # Three pairs in three views, and two draws of either null.
    assert len(kept) == 3 + 9 + 2 + 2


def test_tokens_that_one_cache_dropped_are_left_out_of_all(
    activations: torch.Tensor, tmp_path: Path
) -> None:
    tokens = torch.arange(N_TOKENS, dtype=torch.int32) % 50
    kept = torch.arange(N_TOKENS) % (N_TOKENS // 4) >= 4  # the first four of each document go
    early, late = _run(0), _run(0)
    late = replace(late, key=replace(late.key, hook_name="late"), source=Source(name="late"))
    assert early.key.hook_name is not None
    caches = [
        write_cache(tmp_path / "a", activations, tokens=tokens, hook_name=early.key.hook_name),
        write_cache(
            tmp_path / "b", activations[kept], tokens=tokens[kept], first=4, hook_name="late"
        ),
    ]
    policy = replace(POLICY, views=("activations",))
    found = stability([late, early], policy, activations=caches)
    assert found.pairs["mean"].tolist() == pytest.approx([1])
    assert found.contexts is not None
    for family, texts in found.contexts.groupby("family"):
        of_late = found.latents[found.latents["run"] == "late"]
        member = of_late[of_late["family_activations"] == family].iloc[0]
        column = activations[kept][:, int(late.W_dec[member["latent"]].argmax())].half()
        assert float(column[texts["row"].tolist()[0]]) == float(column.max())
