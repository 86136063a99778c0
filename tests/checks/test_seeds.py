"""Shared starts found, independent runs left alone, and the confounder named."""

import numpy as np
import pytest
import torch

from universality.checks.seeds import (
    check_equal_seeds,
    check_shared_initialisation,
    check_used_seed,
)
from universality.dictionary import Dictionary, RunKey, Source

N, D = 300, 24


def run(seed, **changes):
    W = torch.randn(N, D, generator=torch.Generator().manual_seed(seed))
    return Dictionary(W_dec=W, W_enc=W.clone(), **changes)


def partners(*, identities=0, seed=0):
    """A random assignment, in which the first latents keep their own number."""
    rng = np.random.default_rng(seed)
    return {"decoder": np.r_[np.arange(identities), identities + rng.permutation(N - identities)]}


def test_independent_runs_pass_as_often_as_the_level_says():
    """Fixed points of a random permutation are Poisson(1): p < .001 needs five or more."""
    suspected = [
        check_shared_initialisation(run(1), run(2), partners=partners(seed=s)).status != "ok"
        for s in range(200)
    ]
    assert sum(suspected) <= 3


def test_identity_assignments_give_a_shared_start_away():
    check = check_shared_initialisation(run(1), run(2), partners=partners(identities=150))
    assert check.status == "fail"
    assert check.value == pytest.approx(0.5, abs=0.02)
    assert "probably started from the same weights" in check.message


def test_the_tail_is_the_exact_binomial():
    """One identity among n with chance 1/n each: P(at least one) = 1 - (1 - 1/n)^n."""
    shifted = np.roll(np.arange(N), 1)
    shifted[:3] = [0, N - 1, 1]
    check = check_shared_initialisation(run(1), run(2), partners={"decoder": shifted})
    assert f"p = {1 - (1 - 1 / N) ** N:.2g}" in check.message


def test_one_dead_row_equal_bit_for_bit_is_enough():
    a, b = run(1), run(2)
    b.W_dec[7] = a.W_dec[7]
    check = check_shared_initialisation(a, b, partners=partners())
    assert check.status == "fail"
    assert "1 weight rows are equal bit for bit" in check.message


def test_equal_zero_rows_are_no_evidence():
    a, b = run(1), run(2)
    for one in (a, b):
        one.W_dec[7] = 0
        one.W_enc[7] = 0
    assert check_shared_initialisation(a, b, partners=partners()).status == "ok"


def test_sorted_latents_are_named_as_the_confounder():
    """Partners scattered by a few places around the same index, as sorting by frequency gives."""
    rng = np.random.default_rng(0)
    nearby = np.argsort(np.arange(N) + rng.normal(0, 3, N))
    check = check_shared_initialisation(run(1), run(2), partners={"decoder": nearby})
    assert check.status == "warn"
    assert "sorted by frequency or nested (Matryoshka)" in check.message


def test_matryoshka_is_recognised_by_its_configuration():
    nested = run(1, source=Source(config={"trainer": {"dict_class": "MatryoshkaBatchTopKSAE"}}))
    check = check_shared_initialisation(nested, run(2), partners=partners(identities=40))
    assert (check.status, "Matryoshka" in check.message) == ("warn", True)


def wide_run(seed, factor=2, **changes):
    W = torch.randn(factor * N, D, generator=torch.Generator().manual_seed(seed))
    return Dictionary(W_dec=W, W_enc=W.clone(), **changes)


def one_to_one(n_a, n_b, *, identities=0, seed=0):
    """A random assignment of runs of two widths; the first latents keep their own number."""
    rng = np.random.default_rng(seed)
    few, many = min(n_a, n_b), max(n_a, n_b)
    others = identities + rng.permutation(many - identities)[: few - identities]
    chosen = np.r_[np.arange(identities), others]
    if n_a <= n_b:
        return {"decoder": chosen}
    partner = np.full(n_a, -1)
    partner[chosen] = np.arange(few)
    return {"decoder": partner}


@pytest.mark.parametrize("narrow_first", [True, False])
def test_a_wider_run_may_begin_with_the_narrower_ones_start(narrow_first):
    narrow, wide = run(1), wide_run(2)
    a, b = (narrow, wide) if narrow_first else (wide, narrow)
    shared = one_to_one(a.d_sae, b.d_sae, identities=60)
    found = check_shared_initialisation(a, b, partners=shared)
    assert found.status == "fail"
    assert found.value >= 60 / N
    independent = [
        check_shared_initialisation(a, b, partners=one_to_one(a.d_sae, b.d_sae, seed=s)).status
        for s in range(100)
    ]
    assert independent.count("ok") >= 97


def test_a_start_that_is_a_prefix_of_another_is_seen_in_its_dead_rows():
    narrow, wide = run(1), wide_run(2)
    wide.W_dec[:3] = narrow.W_dec[:3]
    found = check_shared_initialisation(narrow, wide, partners=one_to_one(N, 2 * N))
    assert found.status == "fail"
    assert "3 weight rows are equal bit for bit" in found.message


def test_equal_seeds_warn_whatever_the_widths():
    narrow, wide = (one(3, key=RunKey(seed=7)) for one in (run, wide_run))
    found = check_equal_seeds(narrow, wide)
    assert found.status == "warn"
    assert "the narrower from the first rows of the wider" in found.message


def test_equal_seeds():
    def seeded(seed):
        return run(seed or 0, key=RunKey(seed=seed))

    assert check_equal_seeds(seeded(42), seeded(42)).status == "warn"
    assert check_equal_seeds(seeded(42), seeded(43)).status == "ok"
    assert check_equal_seeds(seeded(42), seeded(None)).status == "skipped"


def test_a_seed_that_the_trainer_never_uses():
    source = Source(
        format="dictionary_learning", config={"trainer": {"dict_class": "JumpReluAutoEncoder"}}
    )
    check = check_used_seed(run(1, key=RunKey(seed=3), source=source), run(2))
    assert check.status == "warn"
    assert "never uses it" in check.message
    assert check_used_seed(run(1), run(2)).status == "skipped"
    assert check_used_seed(run(1, key=RunKey(seed=1)), run(2)).status == "ok"


def test_hookpoints_of_one_sparsify_run_start_from_the_same_weights():
    one, other = (
        run(1, key=RunKey(seed=1, hook_name=hook), source=Source(format="sparsify"))
        for hook in ("layers.3", "layers.4")
    )
    assert check_used_seed(one, other).status == "warn"
    assert check_used_seed(one, one).status == "ok"
