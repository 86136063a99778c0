"""The shipped runs compared: two seeds, a shared initialisation, and a run with itself."""

from __future__ import annotations

import pytest

from universality.comparison import Policy, compare
from universality.results import Comparison
from universality.shipped import shipped_folder

RUNS = shipped_folder()
QUICK = Policy(nulls=("geometry", "untrained"), n_draws=2)


@pytest.fixture(scope="module")
def two_seeds() -> Comparison:
    return compare(RUNS / "w2304-s0", RUNS / "w2304-s1", QUICK)


@pytest.fixture(scope="module")
def shared_initialisation() -> Comparison:
    return compare(RUNS / "w2304-s0", RUNS / "w2304-s0-order1", QUICK)


def mean(comparison: Comparison, view: str) -> float:
    return float(comparison.summary["views"][view]["assignment"]["mean"])


@pytest.mark.parametrize("view", ["decoder", "encoder"])
def test_two_seeds_lie_far_above_the_null_and_the_untrained_floor(
    two_seeds: Comparison, view: str
) -> None:
    found = two_seeds.summary["views"][view]
    observed = found["assignment"]
    floor = found["nulls"]["untrained"]["assignment.mean"]
    assert observed["mean"] > observed["null_mean"] + 50 * observed["null_sd"]
    assert observed["mean"] > floor["mean"] + 50 * floor["sd"]
    assert observed["certified"]


@pytest.mark.parametrize("view", ["decoder", "encoder"])
def test_a_shared_initialisation_lies_above_two_seeds_and_is_caught(
    two_seeds: Comparison, shared_initialisation: Comparison, view: str
) -> None:
    assert mean(shared_initialisation, view) > mean(two_seeds, view)
    status = {
        run: {check["id"]: check["status"] for check in comparison.summary["checks"]}
        for run, comparison in (("seeds", two_seeds), ("shared", shared_initialisation))
    }
    assert status["seeds"]["shared_initialisation"] == "ok"
    assert status["shared"]["shared_initialisation"] in ("warn", "fail")


def test_a_shipped_run_against_itself_is_the_same_everywhere() -> None:
    comparison = compare(RUNS / "w576-s0", RUNS / "w576-s0", QUICK)
    for view in ("decoder", "encoder"):
        assert mean(comparison, view) == pytest.approx(1, abs=1e-6)
        living = comparison.latents_a[comparison.latents_a["alive"]]
        assert (living[f"partner_{view}"] == living["latent"]).all()
