from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from universality.evidence.logit_weights import logit_tops, logit_weights_of_pairs
from universality.models.unembedding import Unembedding


@pytest.fixture
def unembedding() -> Unembedding:
    weights = torch.randn(500, 8, generator=torch.Generator().manual_seed(0))
    return Unembedding(weights, tuple(f"w{i}" for i in range(500)), "made")


def rows(n: int, *, seed: int) -> torch.Tensor:
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(seed))


def test_tops_are_the_ends_of_the_sorted_products(unembedding: Unembedding) -> None:
    directions = rows(5, seed=1)
    table = logit_tops(directions, [4, 2], unembedding, side="b")
    assert table["latent"].tolist() == [4, 2]
    assert set(table["side"]) == {"b"}
    for row in table.itertuples():
        products = unembedding.weights.numpy() @ directions[row.latent].numpy()
        order = np.argsort(-products)
        ends = [*order[:10], *order[-10:]]
        assert row.tokens == [f"w{i}" for i in ends]
        np.testing.assert_allclose(row.weights, products[ends], rtol=1e-5)


def test_a_latent_that_writes_one_token_has_it_on_top(unembedding: Unembedding) -> None:
    orthogonal = torch.linalg.qr(rows(8, seed=2)).Q
    one_token_each = Unembedding(orthogonal, tuple("abcdefgh"), "made")
    table = logit_tops(orthogonal, range(8), one_token_each, side="a")
    assert [tokens[0] for tokens in table["tokens"]] == list("abcdefgh")


def test_pairs_keep_the_correlation_over_the_whole_vocabulary(unembedding: Unembedding) -> None:
    a, b = rows(3, seed=3), rows(4, seed=4)
    pairs = pd.DataFrame({"a": [0, 2], "b": [3, 1]})
    table = logit_weights_of_pairs(pairs, a, b, unembedding=unembedding)
    for row in table.itertuples():
        first = (unembedding.weights @ a[row.a]).numpy()
        second = (unembedding.weights @ b[row.b]).numpy()
        assert row.correlation == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-6)
        places = [int(token[1:]) for token in row.tokens]
        assert {int(first.argmax()), int(second.argmin())} <= set(places)
        np.testing.assert_allclose(row.weights_a, first[places], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(row.weights_b, second[places], rtol=1e-5, atol=1e-6)


def test_a_turned_pair_correlates_oppositely(unembedding: Unembedding) -> None:
    a = rows(1, seed=5)
    pair = pd.DataFrame({"a": [0], "b": [0]})
    table = logit_weights_of_pairs(pair, a, -2 * a, unembedding=unembedding)
    assert table["correlation"].item() == pytest.approx(-1)
