"""Statistics of two runs, against values that follow from how the runs were made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.made_runs import unit_rows
from universality.runs.drawn_match import match_traits
from universality.runs.metrics import Statistics, measure, share_reaching
from universality.runs.views import Traits, direction_views

CPU = torch.device("cpu")


def statistics(a: torch.Tensor, b: torch.Tensor, thresholds: list[float]) -> Statistics:
    one, other = (Traits({"decoder": run[0], "encoder": run[1]}) for run in (a, b))
    views = direction_views(("decoder", "encoder"), device=CPU)
    return measure(match_traits(views, one, other), thresholds)


def test_share_reaching_counts_what_a_loop_counts() -> None:
    values = np.array([0.1, 0.5, 0.5, 0.9])
    thresholds = [0.0, 0.1, 0.5, 0.50001, 0.9, 1.0]
    expected = [np.mean([value >= t for value in values]) for t in thresholds]
    np.testing.assert_allclose(share_reaching(values, thresholds), expected)


def test_a_similarity_short_of_the_threshold_by_rounding_alone_reaches_it() -> None:
    assert share_reaching(np.array([1 - 2**-53, 1 - 1e-6]), [1.0])[0] == 0.5


def test_means_equal_dense_numpy_and_scipy() -> None:
    a, b = unit_rows(40, 8, seed=0), unit_rows(55, 8, seed=1)
    found = statistics(torch.stack([a, a]), torch.stack([b, b]), [0.5]).averages
    dense = a.double().numpy() @ b.double().numpy().T
    rows, columns = linear_sum_assignment(-dense)
    assert found["decoder", "greedy_ab.mean"] == pytest.approx(dense.max(axis=1).mean(), abs=1e-7)
    assert found["decoder", "greedy_ba.mean"] == pytest.approx(dense.max(axis=0).mean(), abs=1e-7)
    assert found["decoder", "assignment.mean"] == pytest.approx(
        dense[rows, columns].mean(), abs=1e-7
    )
    mutual = sum(dense[:, dense[i].argmax()].argmax() == i for i in range(40))
    assert found["decoder", "mutual.fraction_a"] == pytest.approx(mutual / 40)
    assert found["decoder", "mutual.fraction_b"] == pytest.approx(mutual / 55)


def test_agreement_counts_latents_whose_encoder_names_the_same_partner() -> None:
    # The decoders agree row by row; the encoders of the last ten latents are rotated among them.
    rows = unit_rows(50, 64, seed=3)
    turned = torch.cat([rows[:40], rows[40:].roll(1, dims=0)])
    found = statistics(torch.stack([rows, rows]), torch.stack([rows, turned]), [0.5, 0.99])
    assert found.averages["decoder_encoder", "agreement"] == pytest.approx(40 / 50)
    shared = found.shares["decoder_and_encoder", "assignment"]
    assert shared.tolist() == pytest.approx([0.8, 0.8])
    assert found.shares["encoder", "assignment"].tolist() == pytest.approx([1.0, 1.0])


def test_a_latent_without_partner_agrees_with_nothing() -> None:
    # Thirty latents against twenty: ten of a stay without partner in both views.
    rows = unit_rows(30, 64, seed=4)
    found = statistics(torch.stack([rows, rows]), torch.stack([rows[:20], rows[:20]]), [0.5])
    assert found.averages["decoder_encoder", "agreement"] == pytest.approx(20 / 30)
