from pathlib import Path

import pytest

from tests.made_caches import write_cache
from tests.planted_axes import N_SHARED, N, axis_activations, axis_run
from universality.recurrence.study import stability
from universality.results import Stability
from universality.runs.policy import Policy

POLICY = Policy(nulls=("geometry",), n_draws=2)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Stability:
    cache = write_cache(tmp_path_factory.mktemp("caches") / "c", axis_activations())
    return stability([axis_run(seed) for seed in range(3)], POLICY, activations=[cache])


def test_every_rule_of_the_spectrum_has_its_null(found: Stability) -> None:
    rules = {"decoder", "encoder", "activations", "decoder_and_encoder"}
    assert set(found.summary["spectrum"]) == rules
    for rule, rows in found.summary["spectrum"].items():
        assert all("null" in row for row in rows), rule
        assert "null" in found.summary["cycle_consistency"][rule]
        assert all("null" in row for row in found.summary["only_in_one_by_view"][rule])
        assert "null_in_all_runs_at_most" in found.summary["families"][rule]
    for view, over_pairs in found.summary["over_pairs"].items():
        assert over_pairs["mean"]["null"] < over_pairs["mean"]["mean"], view
    assert found.spectrum["null_fraction"].notna().all()


def test_on_other_tokens_nothing_is_shared(found: Stability) -> None:
    at = [row for row in found.summary["spectrum"]["activations"] if row["threshold"] == 0.7]
    assert [row["fraction"] for row in at] == pytest.approx([1 / 3, 0, 2 / 3])
    assert [row["null"] for row in at] == pytest.approx([1, 0, 0])
    low = [row for row in found.summary["spectrum"]["activations"] if row["threshold"] == 0.3]
    assert low[0]["null"] == pytest.approx(1)
    cycles = found.summary["cycle_consistency"]["activations"]
    assert cycles["mean"] >= N_SHARED / N - 1e-9
    assert cycles["null"] < 0.2
    assert found.summary["null"]["name"] == "geometry; tokens"


def test_what_the_store_keeps_changes_nothing(found: Stability, tmp_path: Path) -> None:
    cache, store = write_cache(tmp_path / "cache", axis_activations()), tmp_path / "pairs"
    runs = [axis_run(seed) for seed in range(3)]
    kept = []
    for _ in range(2):
        again = stability(runs, POLICY, activations=[cache], store=store)
        assert again.summary == found.summary
        kept.append({one.name: one.stat().st_mtime_ns for one in store.iterdir()})
    assert kept[0] == kept[1]
    assert sum(name.startswith("codes-") for name in kept[0]) == len(runs)
