from __future__ import annotations

import numpy as np
import pandas as pd

from universality.codes import from_batches
from universality.evidence.pair_activations import BINS, activation_histograms, activations_of_pairs


def sparse_codes(n_tokens: int, n_latents: int, *, seed: int, signed: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.lognormal(size=(n_tokens, n_latents)) * (rng.random((n_tokens, n_latents)) < 0.1)
    signs = rng.choice([-1, 1], values.shape) if signed else 1
    return (values * signs).astype(np.float32)


def test_histograms_are_those_of_numpy_over_the_tokens_that_fire() -> None:
    for signed in (False, True):
        values = sparse_codes(400, 12, seed=0, signed=signed)
        values[:, 5] = 0
        parts = [values[:150], values[150:]]
        table = activation_histograms(from_batches(parts, 12), "a").set_index("latent")
        assert 5 not in table.index
        assert set(table["side"]) == {"a"}
        for latent, row in table.iterrows():
            fires = values[values[:, latent] != 0, latent]
            low, high = min(0, fires.min()), max(0, fires.max())
            assert (row["low"], row["high"]) == (low, high)
            expected, _ = np.histogram(fires.astype(float), BINS, (low, high))
            np.testing.assert_array_equal(row["counts"], expected)


def test_pairs_keep_both_codes_on_tokens_where_either_fires() -> None:
    a, b = sparse_codes(300, 4, seed=1), sparse_codes(300, 4, seed=2)
    pairs = pd.DataFrame({"a": [0, 3], "b": [2, 1]})
    table = activations_of_pairs(pairs, from_batches([a], 4), from_batches([b], 4))
    for row in table.itertuples():
        either = np.flatnonzero((a[:, row.a] != 0) | (b[:, row.b] != 0))
        assert row.n_either == either.size < 100
        np.testing.assert_array_equal(row.codes_a, a[either, row.a])
        np.testing.assert_array_equal(row.codes_b, b[either, row.b])


def test_what_is_kept_of_pairs_is_bounded() -> None:
    values = sparse_codes(3_000, 30, seed=3)
    pairs = pd.DataFrame({"a": np.arange(30), "b": np.arange(30)})
    codes = from_batches([values], 30)
    table = activations_of_pairs(pairs, codes, codes, n_pairs=7)
    assert len(table) == 7
    assert {0, 29} <= set(table["a"])
    assert table["codes_a"].map(len).max() == 100
    assert (table["n_either"] > 100).all()
