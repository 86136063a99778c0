"""Connectors of two runs: alike where they are, and no more than chance where they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

import universality as un
from tests.connectors.known_maps import known_map
from universality.connectors.across_seeds import compare_connectors
from universality.connectors.connector import Connector, EndKey, weights_in
from universality.connectors.connector_fit import fit_connector
from universality.connectors.conserved import conserved_edges
from universality.errors import InvalidInputError

D = 48


@pytest.fixture(scope="module")
def fitted() -> Connector:
    planted = known_map(8_000)
    return fit_connector(planted.source, planted.target, steps=400)


def relabelled(
    connector: Connector, sources: np.ndarray, targets: np.ndarray, name: str = "other"
) -> Connector:
    """The same map with its latents in another order: what a run with other numbers would have."""
    W = sparse.csr_array(connector.W[targets][:, sources])
    W.sort_indices()
    return replace(
        connector,
        W=W,
        b=connector.b[targets],
        source_sd=connector.source_sd[sources],
        target_sd=connector.target_sd[targets],
        source=EndKey(name, name),
        target=EndKey(name, name),
    )


def matching_of(order: np.ndarray, *, noise: float = 0.0) -> un.Matching:
    """The matching of latents to themselves under another order, by directions."""
    rows = torch.eye(D, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    moved = rows[torch.from_numpy(order)] + noise * torch.randn(D, D, generator=generator)
    return un.match(rows, moved, progress=False)


def test_a_planted_permutation_of_latents_changes_nothing(fitted: Connector) -> None:
    generator = np.random.default_rng(0)
    sources, targets = generator.permutation(D), generator.permutation(D)
    other = relabelled(fitted, sources, targets)
    table = compare_connectors(
        fitted,
        other,
        sources=matching_of(sources),
        targets=matching_of(targets),
        refitted=fitted,
    ).table
    row = table.iloc[0]
    for name in ("cosine", "jaccard", "same_sign", "cosine_ceiling", "jaccard_ceiling"):
        assert row[name] == pytest.approx(1, abs=1e-4), name
    assert row["n_sources"] == row["n_targets"] == D
    assert abs(row["cosine_null"]) < 0.1
    assert row["jaccard_null"] < 0.1


def test_unrelated_maps_agree_no_more_than_the_null(fitted: Connector) -> None:
    generator = np.random.default_rng(1)
    scrambled = relabelled(fitted, generator.permutation(D), generator.permutation(D))
    same = matching_of(np.arange(D))
    row = compare_connectors(fitted, scrambled, sources=same, targets=same).table.iloc[0]
    assert abs(row["cosine"] - row["cosine_null"]) < 4 * row["cosine_null_sd"] + 1e-9
    assert row["jaccard"] < 0.1
    assert np.isnan(row["cosine_ceiling"])


def test_restricting_to_good_pairs_restricts_null_and_ceiling_too(fitted: Connector) -> None:
    """Half of the latents are alike in the other run, the others are wired at random."""
    order = np.arange(D)
    order[D // 2 :] = np.random.default_rng(2).permutation(order[D // 2 :])
    rows = torch.eye(D, dtype=torch.float32)
    other_rows = rows.clone()
    other_rows[D // 2 :] += 0.2 * torch.randn(D // 2, D, generator=torch.Generator().manual_seed(1))
    matching = un.match(rows, other_rows, progress=False)
    assert (matching.a == matching.b).all()
    other = relabelled(fitted, order, order)
    found = compare_connectors(
        fitted, other, sources=matching, targets=matching, refitted=fitted, similarities=(0.0, 0.9)
    )
    whole, good = found.table.to_dict("records")
    assert good["n_sources"] == D // 2
    assert good["share_targets"] == pytest.approx(0.5)
    assert good["cosine"] == pytest.approx(1)
    assert whole["cosine"] < 0.7
    assert good["cosine_ceiling"] == pytest.approx(1)
    assert good["cosine_null"] < 0.3
    none = compare_connectors(
        fitted, other, sources=matching, targets=matching, similarities=(1.0,)
    ).table.iloc[0]
    assert none["n_sources"] <= D // 2


def test_too_few_pairs_give_no_number(fitted: Connector) -> None:
    rows = torch.eye(D, dtype=torch.float32)
    far = un.match(rows, torch.ones_like(rows) + 0.01 * rows, progress=False)
    row = compare_connectors(
        fitted, fitted, sources=far, targets=far, similarities=(0.9,)
    ).table.iloc[0]
    assert row["n_sources"] == row["n_targets"] == 0
    assert np.isnan([row["cosine"], row["jaccard"], row["cosine_null"]]).all()


def test_conserved_edges_are_those_that_were_kept(fitted: Connector) -> None:
    generator = np.random.default_rng(3)
    sources, targets = generator.permutation(D), generator.permutation(D)
    half = fitted.W.copy()
    half.data[::2] = 0
    half.eliminate_zeros()
    cut = relabelled(replace(fitted, W=half), sources, targets)
    same = matching_of(np.arange(D))
    found = conserved_edges(
        [fitted, cut, fitted],
        sources=[matching_of(sources), same],
        targets=[matching_of(targets), same],
    )
    edges = np.abs(weights_in(fitted, "standardised").data) > 0.1
    kept = int((edges & (np.arange(edges.size) % 2 == 1)).sum())
    counts = found.counts.set_index("n_runs")["n_edges"]
    assert counts[1] == 0
    assert counts[2] == edges.sum() - kept
    assert counts[3] == kept
    null = found.counts.set_index("n_runs")["null"]
    assert null[3] < 0.05 * kept
    top = found.edges.iloc[0]
    assert top["n_runs"] == 3
    assert top["mean_weight"] == pytest.approx(top["weight"], rel=1e-5)
    assert top["similarity"] == pytest.approx(1)


def test_matchings_of_other_latents_are_refused(fitted: Connector) -> None:
    rows = torch.eye(7, dtype=torch.float32)
    wrong, right = un.match(rows, rows, progress=False), matching_of(np.arange(D))
    with pytest.raises(InvalidInputError, match="targets must match the target latents"):
        compare_connectors(fitted, fitted, sources=right, targets=wrong)
    with pytest.raises(InvalidInputError, match="2 connectors need 1 matchings"):
        conserved_edges([fitted, fitted], sources=[right, right], targets=[right])
    other = replace(fitted, source=EndKey("x", "ff"))
    with pytest.raises(InvalidInputError, match="refitted must connect the dictionaries"):
        compare_connectors(fitted, fitted, sources=right, targets=right, refitted=other)
