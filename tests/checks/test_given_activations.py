from __future__ import annotations

from tests.made_runs import make_run, unit_rows
from universality.checks.given_activations import (
    check_cache_hooks,
    check_cache_models,
    check_documents,
    check_heavy_rows,
    check_leverage,
    check_silent_latents,
    check_spaces,
    check_tokens,
)
from universality.dictionary import Dictionary, RunKey

HOOK = "blocks.0.hook_resid_post"


def test_few_tokens_warn_with_the_size_of_the_null() -> None:
    assert check_tokens(1_000_000, null_mean=0.03).status == "ok"
    few = check_tokens(500, null_mean=0.6)
    assert few.status == "warn"
    assert few.value == 0.6
    assert "500 tokens" in few.message
    assert "0.60 on average" in few.message


def test_few_documents_warn() -> None:
    limits = {"few": 50, "fewest": 20}
    assert check_documents(100, **limits).status == "ok"
    for n, says in ((99, "below 50"), (39, "too few for an interval"), (1, "out of itself")):
        found = check_documents(n, **limits)
        assert (found.status, found.value) == ("warn", n)
        assert says in found.message


def test_many_silent_latents_warn() -> None:
    assert check_silent_latents(0.1, 0.2, minimum=10).status == "ok"
    silent = check_silent_latents(0.1, 0.7, minimum=10)
    assert silent.status == "warn"
    assert "70.0% of b fire on fewer than 10" in silent.message


def test_spaces_of_different_width_warn() -> None:
    narrow, wide = (make_run(unit_rows(8, d, seed=0)) for d in (4, 6))
    assert check_spaces(narrow, narrow).status == "ok"
    assert "a reads width 4 and b width 6" in check_spaces(narrow, wide).message


def test_activations_of_another_hook_warn() -> None:
    run = make_run(unit_rows(8, 4, seed=0))
    silent = Dictionary(W_dec=unit_rows(8, 4, seed=0))
    assert check_cache_hooks(run, run, (HOOK, HOOK)).status == "ok"
    other = check_cache_hooks(run, run, (HOOK, "blocks.3.hook_mlp_out"))
    assert other.status == "warn"
    assert "b was trained on blocks.0.hook_resid_post and was given" in other.message
    assert check_cache_hooks(run, silent, (HOOK, HOOK)).status == "skipped"
    assert check_cache_hooks(run, run, (HOOK, "unknown")).status == "skipped"


def test_activations_of_another_model_void_and_of_the_same_under_another_name_do_not() -> None:
    def named(model: str | None) -> Dictionary:
        return Dictionary(W_dec=unit_rows(8, 4, seed=0), key=RunKey(model_name=model))

    gpt2, llama = named("gpt2-small"), named("meta-llama/Llama-3.1-8B")
    same = check_cache_models(gpt2, gpt2, ("openai-community/gpt2", "gpt2"))
    assert same.status == "ok"
    other = check_cache_models(gpt2, llama, ("gpt2", "meta-llama/Llama-3.1-8B-Instruct"))
    assert other.status == "fail"
    assert "b was trained on meta-llama/Llama-3.1-8B and was given" in other.message
    assert "a was trained" not in other.message
    folder = check_cache_models(gpt2, gpt2, ("my-copy", "my-copy"))
    assert folder.status == "skipped"
    assert "whether my-copy is gpt2-small cannot be told" in folder.message
    assert check_cache_models(gpt2, named(None), ("gpt2", "gpt2")).status == "skipped"


def test_heavy_rows_warn_and_take_the_blame_from_the_number_of_tokens() -> None:
    assert check_heavy_rows(0.34, 0.52).status == "ok"
    assert check_heavy_rows(0.2, 0.9).status == "warn"
    heavy = check_heavy_rows(0.93)
    assert heavy.status == "warn"
    assert "carry 93% of the codes' second moment" in heavy.message
    blamed = check_tokens(500, null_mean=0.6, heavy=True)
    assert blamed.status == "skipped"
    assert "not because 500 tokens are few" in blamed.message
    assert check_tokens(500_000, null_mean=0.01, heavy=True).status == "ok"


def test_pairs_that_three_tokens_carry_warn() -> None:
    named = {"n_pairs": 881, "n_left_out": 3, "threshold": 0.7}
    few = check_leverage(0.25, **named)
    assert (few.status, few.value) == ("warn", 0.25)
    assert "25.0% of the 881 pairs" in few.message
    assert "few tokens carry them" in few.message
    assert check_leverage(0.02, **named).status == "ok"
