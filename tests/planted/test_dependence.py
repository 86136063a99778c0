"""Runs that depend on each other, planted: what the tool says, and why that is the most it can."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.dictionary import Dictionary, RunKey
from universality.errors import InvalidInputError
from universality.nulls.rotation import rows_at_cosine
from universality.results import Comparison
from universality.results.validity import NO_EVIDENCE

N, D = 200, 64
QUICK = Policy(nulls=("isotropic",), n_draws=2)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def near(rows: Tensor, cosine: float, seed: int) -> Tensor:
    return rows_at_cosine(rows, cosine, generator=generator(seed))


def trained(seed: int) -> Dictionary:
    decoder = unit_rows(N, D, seed=seed)
    return make_run(decoder, near(decoder, 0.9, seed + 50), name=f"run{seed}")


def moved(run: Dictionary, cosine: float, seed: int, order: Tensor | None = None) -> Dictionary:
    """The run gone on from: every row at this cosine to where it was, in another order."""
    order = torch.arange(N) if order is None else order
    encoder = run.directions("encoder")
    return make_run(near(run.W_dec, cosine, seed)[order], near(encoder, cosine, seed + 1)[order])


def status(found: Comparison, check: str) -> str:
    return str(next(one["status"] for one in found.summary["checks"] if one["id"] == check))


def failed(found: Comparison) -> list[str]:
    return [reason["check"] for reason in found.summary["validity"]["reasons"]]


def test_independent_runs_are_valid_and_nothing_is_withdrawn() -> None:
    found = compare(trained(1), trained(2), QUICK)
    assert found.summary["validity"] == {"valid": True, "reasons": []}
    assert not any(NO_EVIDENCE in text.lower() for text in found.summary["answer"])
    message = next(
        one["message"] for one in found.summary["checks"] if one["id"] == "shared_initialisation"
    )
    assert message.startswith("latents keep no common order")


def test_a_continued_run_is_void_by_the_order_of_its_latents() -> None:
    """Training that goes on moves rows and keeps their places: nothing else gives equal numbers."""
    found = compare(trained(1), moved(trained(1), 0.8, seed=9), QUICK)
    assert failed(found) == ["shared_initialisation"]
    assert "same weights" in found.summary["answer"][0]
    assert all(text.startswith(NO_EVIDENCE.capitalize()) for text in found.summary["answer"][1:])


def test_a_shared_decoder_alone_is_void_and_said_to_be_of_the_decoder() -> None:
    """Rows equal bit for bit under the same numbers; the encoders are two runs' own."""
    run = trained(1)
    found = compare(run, make_run(run.W_dec.clone(), unit_rows(N, D, seed=8)), QUICK)
    assert status(found, "same_weights") == "warn"
    assert failed(found) == ["shared_initialisation"]
    assert "equal bit for bit" in found.summary["answer"][0]


def test_half_of_the_latents_shared_is_void_in_place_and_unseen_in_another_order() -> None:
    """In their places half the latents name themselves. Moved about and turned a little, they are
    what two runs that found the same half look like, and nothing in the weights can tell."""
    run, fresh = trained(1), unit_rows(N // 2, D, seed=5)
    encoder = near(fresh, 0.9, 77)
    half = make_run(
        torch.cat([near(run.W_dec[: N // 2], 0.95, 3), fresh]),
        torch.cat([near(run.directions("encoder")[: N // 2], 0.95, 4), encoder]),
    )
    assert failed(compare(run, half, QUICK)) == ["shared_initialisation"]
    order = torch.randperm(N, generator=generator(6))
    shuffled = make_run(half.W_dec[order], half.directions("encoder")[order])
    found = compare(run, shuffled, QUICK)
    assert found.summary["validity"]["valid"]
    assert status(found, "saturation") == "ok"


def test_a_noisy_copy_in_another_order_is_not_called_independent() -> None:
    """Its order says nothing; that everything is shared is a warning, not a proof of a copy."""
    order = torch.randperm(N, generator=generator(6))
    found = compare(trained(1), moved(trained(1), 0.9999, seed=9, order=order), QUICK)
    assert status(found, "shared_initialisation") == "ok"
    assert status(found, "saturation") == "warn"
    assert found.summary["validity"]["valid"]


def named(run: Dictionary, model: str | None) -> Dictionary:
    return replace(run, key=RunKey(model_name=model, hook_name="blocks.0.hook_resid_post"))


def test_directions_of_different_models_are_refused_unless_declared() -> None:
    a, b = named(trained(1), "gpt2-small"), named(trained(2), "EleutherAI/pythia-70m")
    for policy in (QUICK, replace(QUICK, views=("decoder",))):
        with pytest.raises(InvalidInputError, match=r"different models.*--align shared"):
            compare(a, b, policy)
    found = compare(a, b, replace(QUICK, align="shared"))
    assert status(found, "model") == "warn"
    assert found.summary["policy"]["align"] == "shared"
    unknown = compare(a, named(trained(2), None), QUICK)
    assert status(unknown, "model") == "skipped"
    assert set(unknown.summary["views"]) == {"decoder", "encoder"}
