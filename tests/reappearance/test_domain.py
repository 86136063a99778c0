"""What a forecast may be asked about, and what is refused with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.planted_recurrence import planted_seeds
from universality.reappearance.domain import Recipe, domain_of, outside, recipe_of
from universality.reappearance.own_covariates import own_covariates

RECIPE = Recipe("gpt2-small", "blocks.8.hook_resid_pre", 768, 4096, "TopK", 32.0, 10_000_000)
WIDER = replace(RECIPE, d_sae=16_384)


def _flat() -> dict[str, np.ndarray]:
    run = planted_seeds(1)[0]
    return own_covariates(run, torch.ones(run.d_sae, dtype=torch.bool))


DOMAIN = domain_of([RECIPE, WIDER], [_flat(), _flat()])


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"model_name": "openai-community/gpt2"},
        {"hook_name": "transformer.h.7"},
        {"d_sae": 8_192},
        {"active": 36.0},
        {"presentations": 14_000_000},
    ],
    ids=str,
)
def test_what_the_recipe_allows_is_inside(other: dict[str, Any]) -> None:
    assert outside(DOMAIN, replace(RECIPE, **other), _flat()) == ()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"model_name": "pythia-70m"}, "model pythia-70m, fitted on gpt2-small"),
        ({"model_name": None}, "model unknown, fitted on gpt2-small"),
        ({"hook_name": "blocks.4.hook_resid_pre"}, "hook blocks.4"),
        ({"d_in": 512}, "d_in 512, fitted on 768"),
        ({"d_sae": 32_768}, "32,768 latents, fitted on 4,096 to 16,384"),
        ({"architecture": "JumpReLU"}, "rule JumpReLU, fitted on TopK"),
        ({"active": 64.0}, "64 active latents, fitted on 32"),
        ({"active": None}, "active latents unknown"),
        ({"presentations": 1_000_000}, "tokens of training"),
        ({"presentations": None}, "tokens of training unknown"),
    ],
    ids=str,
)
def test_another_recipe_is_outside_and_says_in_what(other: dict[str, Any], words: str) -> None:
    (reason,) = outside(DOMAIN, replace(RECIPE, **other), None)
    assert words in reason


def test_latents_that_are_otherwise_are_outside_whatever_the_files_say() -> None:
    other = _flat() | {"own_nearest_encoder": _flat()["own_nearest_encoder"] + 0.3}
    (reason,) = outside(DOMAIN, RECIPE, other)
    assert "median own_nearest_encoder" in reason


def test_what_the_fitted_runs_do_not_say_is_not_asked() -> None:
    silent = replace(RECIPE, model_name=None, hook_name=None, active=None, presentations=None)
    domain = domain_of([silent], [_flat()])
    assert outside(domain, RECIPE, _flat()) == ()


def test_a_recipe_is_read_from_the_run() -> None:
    run = planted_seeds(1)[0]
    found = recipe_of(run)
    assert found.model_name == "planted"
    assert (found.d_in, found.d_sae, found.architecture) == (24, 160, "TopK")
    assert run.firing is not None
    assert found.active == pytest.approx(float(run.firing.frequency.sum()))
    assert recipe_of(replace(run, firing=None)).active is None
