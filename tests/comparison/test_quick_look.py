"""A quick look says what a whole comparison observes, beside a closed form, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.comparison import compare
from universality.comparison.quick_look import NULL, look_quickly
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.nulls import isotropic
from universality.runs.policy import Policy

N_A, N_B, D = 40, 60, 24


def runs() -> tuple[Dictionary, Dictionary]:
    shared = unit_rows(20, D, seed=0)
    rows = [torch.cat([shared, unit_rows(n - 20, D, seed=n)]) for n in (N_A, N_B)]
    return tuple(make_run(one, one.flip(1), name=f"r{len(one)}") for one in rows)  # type: ignore[return-value]


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_what_is_observed_is_what_a_whole_comparison_observes() -> None:
    a, b = runs()
    whole, quick = compare(a, b).summary, look_quickly(a, b, Policy())
    for view in ("decoder", "encoder"):
        one, other = whole["views"][view], quick["views"][view]
        assert other["mutual"] == one["mutual"]
        for way in ("a_to_b", "b_to_a"):
            assert other["greedy"][way]["mean"] == one["greedy"][way]["mean"]
            exact = one["nulls"][NULL][
                {"a_to_b": "greedy_ab.mean", "b_to_a": "greedy_ba.mean"}[way]
            ]
            assert other["greedy"][way]["null_mean"] == exact["mean"]
        for name in ("mean", "total", "certified", "n_pairs"):
            assert other["assignment"][name] == one["assignment"][name]
        assert one["nulls"][NULL]["assignment.mean"]["mean"] < other["assignment"]["null_at_most"]
    shared = {row["threshold"]: row for row in quick["shared"]}
    for row in whole["shared"]:
        for view in ("decoder", "encoder", "decoder_and_encoder"):
            mine = shared[row["threshold"]][view]
            assert mine["value"] == row[view]["value"]
            assert row[view]["nulls"][NULL] <= mine["null_at_most"] + 0.05
    assert quick["checks"] == [one for one in whole["checks"] if one in quick["checks"]]


def test_grades_p_values_and_drawn_nulls_are_absent_and_the_answer_says_so() -> None:
    found = look_quickly(*runs(), Policy())
    names = set(keys_of(found))
    for absent in ("grade", "grades", "nulls", "own_run", "latents", "null_sd", "reappearance"):
        assert absent not in names
    assert not any("p_value" in name or "above_chance" in name for name in names)
    assert found["policy"]["null"] == NULL
    said = " ".join(found["answer"])
    assert "isotropic null, in closed form, stands in" in said
    assert "no latent is graded, no p-value given" in said


def test_unrelated_runs_reach_no_more_than_chance_may() -> None:
    a, b = (make_run(unit_rows(200, 16, seed=seed), name=str(seed)) for seed in (1, 2))
    found = look_quickly(a, b, Policy())
    view = found["views"]["decoder"]
    near = view["greedy"]["a_to_b"]
    assert near["mean"] == pytest.approx(near["null_mean"], abs=0.01)
    assert near["null_mean"] == isotropic.mean_of_maximum(16, 200)
    assert view["assignment"]["mean"] <= view["assignment"]["null_at_most"]


def test_a_failed_check_comes_first() -> None:
    a, _ = runs()
    found = look_quickly(a, a, Policy())
    assert not found["validity"]["valid"]
    reason = found["validity"]["reasons"][0]["message"].rstrip(".")
    assert found["answer"][0].casefold().startswith(reason.casefold())


def test_activations_take_a_whole_comparison() -> None:
    with pytest.raises(InvalidInputError, match="leave out --quick, or activations"):
        look_quickly(*runs(), Policy(views=("decoder", "activations")))


def test_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = runs()
    monkeypatch.setattr(torch, "randn", None)
    assert look_quickly(a, b, Policy())["answer"]
