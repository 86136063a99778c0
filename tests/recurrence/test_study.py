from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.dictionary import Dictionary
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.matching import assign
from universality.recurrence.study import consensus_of, stability
from universality.results import Stability, read_stability
from universality.runs import view_match
from universality.runs.keys import keyed
from universality.runs.policy import Policy
from universality.saving import save

POLICY = Policy(nulls=("geometry",), n_draws=2)
ONE_VIEW = replace(POLICY, views=("decoder",))
N, N_SHARED, D = 60, 36, 32


def _runs(n_runs: int = 4, *, noise: float = 0.02) -> list[Dictionary]:
    """Runs that share 36 of 60 directions in a shuffled order."""
    shared = unit_rows(N_SHARED, D, seed=0)
    runs = []
    for seed in range(n_runs):
        generator = torch.Generator().manual_seed(1_000 + seed)
        rows = torch.cat(
            [
                shared + noise * torch.randn(shared.shape, generator=generator),
                unit_rows(N - N_SHARED, D, seed=100 + seed),
            ]
        )[torch.randperm(N, generator=generator)]
        frequency = torch.rand(N, generator=generator)
        runs.append(make_run(rows, name=f"run{seed}", seed=seed, frequency=frequency))
    return runs


@pytest.fixture(scope="module")
def four() -> Stability:
    return stability(_runs(), POLICY)


def _families(found: Stability, rule: str = "decoder") -> set[frozenset[tuple[str, int]]]:
    latents = found.latents[found.latents[f"family_{rule}"] >= 0]
    return {
        frozenset(zip(part["run"], part["latent"], strict=True))
        for _, part in latents.groupby(f"family_{rule}")
    }


def test_planted_families_are_found_beside_their_null(four: Stability) -> None:
    found = four
    for rule in ("decoder", "encoder", "decoder_and_encoder"):
        assert found.summary["families"][rule]["n"] == N_SHARED
        assert found.summary["families"][rule]["in_all_runs_fraction"] == pytest.approx(0.6)
        assert (found.families.query("view == @rule")["missing_runs"] == "").all()
    at = [row for row in found.summary["spectrum"]["decoder"] if row["threshold"] == 0.7]
    assert [row["fraction"] for row in at] == pytest.approx([0.4, 0, 0, 0.6])
    assert at[0]["null"] > 0.9
    assert found.summary["cycle_consistency"]["decoder"]["null"] < 0.2
    over_pairs = found.summary["over_pairs"]["decoder"]
    assert over_pairs["shared"]["mean"] == pytest.approx(0.6)
    assert over_pairs["shared"]["null"] < 0.1
    assert over_pairs["mean"]["null"] < 0.5 < over_pairs["mean"]["mean"]
    assert found.summary["families"]["decoder"]["null_in_all_runs_at_most"] < 0.01
    assert set(found.latents["stability_decoder"]) == {0.0, 1.0}


def test_the_order_of_runs_and_latents_changes_nothing() -> None:
    runs = _runs(noise=0.15)
    order = [2, 0, 3, 1]
    generator = torch.Generator().manual_seed(7)
    numbering = [torch.randperm(N, generator=generator) for _ in runs]
    shuffled = [
        make_run(
            runs[r].W_dec[numbering[r]],
            name=f"run{r}",
            seed=r,
            frequency=runs[r].firing.frequency[numbering[r]],
        )
        for r in order
    ]
    first, second = stability(runs, POLICY), stability(shuffled, POLICY)
    back = {
        frozenset((run, int(numbering[int(run[-1])][latent])) for run, latent in family)
        for family in _families(second)
    }
    assert back == _families(first)
    assert first.summary["families"] == second.summary["families"]
    one, other = (found.summary["cycle_consistency"]["decoder"] for found in (first, second))
    assert one["mean"] == pytest.approx(other["mean"])
    for name, interval in first.summary["jackknife"].items():
        assert interval == pytest.approx(second.summary["jackknife"][name])


def test_the_consensus_lies_closer_to_the_truth_than_any_member(tmp_path: Path) -> None:
    runs = _runs(noise=0.1)
    found = stability(runs, POLICY)
    consensus = consensus_of(found, runs)
    assert consensus is not None
    truth = unit_rows(N_SHARED, D, seed=0)
    best = (consensus.directions() @ truth.T / consensus.W_dec.norm(dim=1)[:, None]).max(dim=1)
    members = (runs[0].W_dec @ truth.T / runs[0].W_dec.norm(dim=1)[:, None]).max(dim=1)
    assert best.values.mean() > members.values.topk(N_SHARED).values.mean() + 0.05
    spread = found.families.query("view == 'decoder_and_encoder'")["spread_decoder"]
    assert 0.02 < spread.mean() < 0.3
    save(consensus, tmp_path / "consensus")
    by_decoder = consensus_of(found, runs, rule="decoder")
    assert by_decoder is not None
    assert by_decoder.d_sae == found.families.eval("view == 'decoder'").sum()


def test_a_result_survives_saving(tmp_path: Path, four: Stability) -> None:
    found = four
    found.save(tmp_path / "result")
    again = read_stability(tmp_path / "result")
    assert again.summary == found.summary
    for name in ("latents", "families"):
        assert getattr(again, name).equals(getattr(found, name))
    assert again.widths is None
    assert again.contexts is None
    (tmp_path / "result" / "summary.json").write_text('{"schema": "universality.stability/9"}')
    with pytest.raises(FormatError, match="stability/9"):
        read_stability(tmp_path / "result")


@pytest.mark.parametrize("stops_at", [0.6, 1.0])
def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path, monkeypatch, stops_at) -> None:
    """Interrupted among the assignments of three runs in two views, and at the very end."""
    runs, store, place = _runs(3), tmp_path / "pairs", view_match
    whole = stability(runs, POLICY)
    calls = _count(monkeypatch, place, stops_at=10**9)
    stability(runs, POLICY)
    n_calls = len(calls)
    monkeypatch.undo()
    _count(monkeypatch, place, stops_at=1 + round(stops_at * (n_calls - 1)))
    with pytest.raises(KeyboardInterrupt):
        stability(runs, POLICY, store=store)
    monkeypatch.undo()
    calls = _count(monkeypatch, place, stops_at=10**9)
    assert stability(runs, POLICY, store=store).summary == whole.summary
    assert 0 < len(calls) < n_calls


def _count(monkeypatch, module, stops_at: int) -> list[int]:
    """The calls of a module's `assign`, the one of this number interrupted."""
    calls: list[int] = []

    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == stops_at:
            raise KeyboardInterrupt
        return assign(*arguments, **options)

    monkeypatch.setattr(module, "assign", counted)
    return calls


def test_a_damaged_kept_pair_is_matched_again(tmp_path) -> None:
    runs, store = _runs(2), tmp_path / "pairs"
    direct = stability(runs, ONE_VIEW, store=store)
    for kept in store.iterdir():
        kept.write_bytes(kept.read_bytes()[:100])
    assert stability(runs, ONE_VIEW, store=store).summary == direct.summary


def test_kept_pairs_are_not_taken_for_those_of_other_runs(tmp_path) -> None:
    store = tmp_path / "pairs"
    stability(_runs(2), ONE_VIEW, store=store)
    others = _runs(2, noise=0.3)
    kept = stability(others, ONE_VIEW, store=store)
    assert kept.summary == stability(others, ONE_VIEW).summary


def test_one_run_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least two runs, got 1"):
        stability(_runs(1), POLICY)


def test_the_same_run_twice_is_said_by_the_check() -> None:
    run = _runs(1)[0]
    found = stability([run, run, _runs(2)[1]], POLICY)
    check = {one["id"]: one for one in found.summary["checks"]}["same_weights"]
    assert check["status"] == "fail"
    assert "run0 and run0 (2)" in check["message"]
    assert [one["name"] for one in found.summary["runs"]] == ["run0", "run0 (2)", "run1"]


def test_runs_of_one_name_are_told_apart_by_their_folders() -> None:
    from universality.runs.run_set import distinct_names

    found = [("sae", f"/x/seed{seed}/layer/sae") for seed in (0, 1)] + [("other", "/y/other")]
    assert distinct_names(found) == ("seed0/layer/sae", "seed1/layer/sae", "other")
    twice = [("sae", "/x/y/sae"), ("sae", "/x/y/sae"), ("sae", "/x/z/sae")]
    assert distinct_names(twice) == ("y/sae", "y/sae (2)", "z/sae")


def test_runs_of_different_spaces_need_activations(tmp_path) -> None:
    runs = [make_run(unit_rows(20, d, seed=d), name=f"d{d}") for d in (16, 24)]
    with pytest.raises(InvalidInputError, match="decoder rows have width 16 in d16 and 24 in d24"):
        stability(runs, POLICY)
    with pytest.raises(InvalidInputError, match="different spaces: decoder rows"):
        stability(runs, replace(POLICY, views=("decoder",)))
    with pytest.raises(InvalidInputError, match="pass a cache with --activations"):
        stability(_runs(2), replace(POLICY, views=("activations",)))
    shared = torch.randn(400, 16, generator=torch.Generator().manual_seed(0))
    turn = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(1)))[0]
    caches = [
        write_cache(tmp_path / "16", shared),
        write_cache(tmp_path / "24", shared @ turn[:16]),
    ]
    rows = unit_rows(20, 16, seed=3)
    twins = [
        make_run(rows, name="left"),
        make_run((rows @ turn[:16])[torch.arange(19, -1, -1)], name="right"),
    ]
    found = stability(twins, POLICY, activations=caches)
    assert list(found.summary["families"]) == ["activations"]
    assert found.summary["families"]["activations"]["in_all_runs_fraction"] == 1
    assert all(sum(latent for _, latent in f) == 19 for f in _families(found, "activations"))
    with pytest.raises(InvalidInputError, match="reads d_in=24, but --activations has 16"):
        stability(twins, POLICY, activations=caches[:1])
    short = write_cache(tmp_path / "short", shared[:100] @ turn[:16])
    with pytest.raises(InvalidInputError, match="disagree on"):
        stability(twins, POLICY, activations=[caches[0], short])


def test_a_table_of_keys_makes_a_grid(tmp_path) -> None:
    runs = _runs(4)
    table = tmp_path / "keys.csv"
    table.write_text("run,step,dataset\nrun0,1,x\nrun1,1,x\nrun2,2,x\nrun3,2,x\n")
    found = stability(keyed(runs, table), POLICY)
    cells = [(row["step"], row["runs"]) for row in found.summary["grid"]]
    assert cells == [(1, ["run0", "run1"]), (2, ["run2", "run3"])]
    assert all(row["views"]["decoder"]["n_pairs"] == 1 for row in found.summary["grid"])
    assert [one["in_families"] for one in found.summary["runs"]] == [False, False, True, True]
    with pytest.raises(MissingFileError, match=r"absent\.csv"):
        keyed(runs, tmp_path / "absent.csv")
    table.write_text("run,colour\nrun0,red\n")
    with pytest.raises(FormatError, match="column 'colour'"):
        keyed(runs, table)
    table.write_text("run,step\nrun9,1\n")
    with pytest.raises(InvalidInputError, match="names 'run9'"):
        keyed(runs, table)


def test_frequency_stands_beside_stability(four: Stability) -> None:
    assert four.latents["frequency"].between(0, 1).all()
    assert np.isfinite(four.families["frequency"]).all()


def test_every_pair_of_runs_is_matched_whatever_its_widths() -> None:
    runs = _runs(3)
    # In another order: a prefix would be a shared start.
    narrow = make_run(runs[0].W_dec[:20].flip(0), name="narrow", seed=3)
    found = stability([*runs, narrow], POLICY)
    pairs = found.pairs[found.pairs["view"] == "decoder"].set_index(["a", "b"])
    assert len(pairs) == 6
    assert pairs.loc[("run0", "narrow"), "mean"] == pytest.approx(1)
    assert (pairs["gap"] < 1e-6).all()
    assert [one["in_families"] for one in found.summary["runs"]] == [True, True, True, False]
    assert found.summary["n_runs"] == 3
    checks = {one["id"]: one for one in found.summary["checks"]}
    assert checks["shared_initialisation"]["status"] == "ok"
