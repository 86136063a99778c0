"""Checks that look at the weights, on runs with a planted fault."""

import pytest
import torch

from universality.checks.weights import (
    check_dead_latents,
    check_decoder_norms,
    check_orientation,
    check_same_weights,
    check_width,
)
from universality.dictionary import Dictionary, Firing
from universality.runs.alive import find_alive


def run(seed, n=60, d=20, **changes):
    W = torch.nn.functional.normalize(
        torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=1
    )
    return Dictionary(**{"W_dec": W, "W_enc": W * 0.5, **changes})


def test_equal_hashes_or_equal_rows_mean_one_run_under_two_names():
    a, b = run(1), run(2)
    assert check_same_weights(a, b, hashes=("", "")).status == "ok"
    assert check_same_weights(a, b, hashes=("ab", "ab")).status == "fail"
    again = check_same_weights(a, Dictionary(W_dec=a.W_dec.clone()), hashes=("ab", "cd"))
    assert (again.status, again.value) == ("fail", 1.0)


def test_equal_decoders_alone_are_two_runs():
    a = run(1)
    other = run(1, W_enc=run(2).W_enc)
    found = check_same_weights(a, other, hashes=("ab", "cd"))
    assert found.status == "warn"
    assert "have the same decoder, and another encoder" in found.message
    turned = check_same_weights(a, run(1, W_dec=run(2).W_dec), hashes=("ab", "cd"))
    assert turned.status == "warn"
    assert "have the same encoder, and another decoder" in turned.message


def test_rows_of_zeros_hide_no_equality():
    a, again = run(1), run(1)
    for one in (a, again):
        one.W_dec[3] = 0
        one.W_enc[5] = 0
    assert check_same_weights(a, again, hashes=("ab", "cd")).status == "fail"


def test_one_matrix_of_a_square_dictionary_read_the_wrong_way_round_fails():
    right = run(1, n=20)
    assert check_orientation(right, right).value == pytest.approx(1)
    turned = Dictionary(W_dec=right.W_dec, W_enc=right.W_dec.T)
    check = check_orientation(right, turned)
    assert check.status == "fail"
    assert "rows of the decoder are more like columns (1.00)" in check.message


def test_both_matrices_read_the_wrong_way_round_leave_columns_of_one_length():
    right = run(1)
    check = check_orientation(right, Dictionary(W_dec=right.W_dec.T, W_enc=right.W_dec.T))
    assert check.status == "fail"
    assert "try the other --orientation" in check.message


def test_unrelated_encoder_rows_are_suspect_and_a_bare_decoder_is_skipped():
    a, b = run(1), run(2)
    unrelated = Dictionary(W_dec=a.W_dec, W_enc=b.W_dec)
    assert check_orientation(a, unrelated).status == "warn"
    bare = Dictionary(W_dec=a.W_dec)
    assert check_orientation(bare, bare).status == "skipped"


def test_decoder_norms_far_below_the_median_are_counted():
    a = run(1)
    small = a.W_dec.clone()
    small[:6] *= 0.01
    check = check_decoder_norms(a, Dictionary(W_dec=small))
    assert (check.status, check.value) == ("warn", pytest.approx(0.1))
    assert "--alive norm" in check.message
    assert "unit" in check_decoder_norms(a, a).message
    scaled = Dictionary(W_dec=a.W_dec * 3)
    assert "medians 1 and 3; cosines do not depend" in check_decoder_norms(a, scaled).message


def test_dead_latents_say_how_they_were_decided():
    a = run(1)
    unknown = check_dead_latents(*find_alive((a, a)))
    assert unknown.status == "warn"
    assert "nothing says which latents are dead" in unknown.message
    frequency = torch.ones(60)
    frequency[:45] = 0
    dead = run(2, firing=Firing(frequency=frequency, source="sparsity.safetensors"))
    check = check_dead_latents(*find_alive((dead, dead)))
    assert (check.status, check.value) == ("warn", pytest.approx(0.75))
    assert "sparsity.safetensors" in check.message
    assert check_dead_latents(*find_alive((a, a), "all")).status == "ok"


def test_fewer_latents_than_dimensions():
    assert check_width(run(1), run(2)).status == "ok"
    narrow = check_width(run(1), run(2, n=10))
    assert (narrow.status, narrow.value) == ("warn", 0.5)
