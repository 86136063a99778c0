"""One table for the same runs: what is skipped, what stands beside it, and that nulls are draws."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from tests.tiny_study import make_study
from universality.comparison import Policy, compare
from universality.errors import InvalidInputError
from universality.nulls.isotropic import mean_of_maximum
from universality.nulls.rotation import rows_at_cosine
from universality.rules import PUBLISHED, RULE_COLUMNS, apply_rules, chance_by_rule

N, D = 120, 32
QUICK = Policy(nulls=("isotropic",), n_draws=3)


def run(seed: int, n: int = N):
    rows = unit_rows(n, D, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    return make_run(rows, rows_at_cosine(rows, 0.8, generator=generator), name=f"run{seed}")


def cell(table, rule, column="value", number=0):
    return table[table["rule"] == rule].iloc[number][column]


def test_every_rule_has_its_rows_and_says_what_it_lacks() -> None:
    found = apply_rules([run(1), run(2)], policy=QUICK)
    assert list(found.table.columns) == [*RULE_COLUMNS, "floor_untrained"]
    assert set(found.table["rule"]) == set(PUBLISHED)
    skipped = found.table[found.table["reason_skipped"].notna()].set_index("rule")
    assert set(skipped.index) == {"gurnee2024", "lan2024", "leask2025", "saelens2026"}
    assert skipped.loc["saelens2026", "reason_skipped"] == "no known truth (--truth)"
    assert skipped["value"].isna().all()
    json.loads(json.dumps(found.summary, allow_nan=False))
    assert found.summary["validity"]["valid"]


def test_the_null_of_a_rule_is_the_mean_of_its_draws_and_meets_closed_forms() -> None:
    found = apply_rules(
        [run(1), run(2, 90)], ["mcs2023", "husai2026", "agreement"], QUICK, untrained=False
    ).table
    there, back = (cell(found, "mcs2023", "null_mean", k) for k in (0, 1))
    assert there == pytest.approx(mean_of_maximum(D, 90), abs=0.006)
    assert back == pytest.approx(mean_of_maximum(D, N), abs=0.006)
    both = np.mean([mean_of_maximum(D, n, absolute=True) for n in (90, N)])
    assert cell(found, "husai2026", "null_mean") == pytest.approx(both, abs=0.006)
    # Likeness of a run's own rows makes agreement by chance; the null moves both views together.
    value, chance = (cell(found, "agreement2025", name) for name in ("value", "null_mean"))
    assert chance > 5 / N
    assert abs(value - chance) < 0.15


def test_rules_agree_with_a_comparison_of_the_same_runs() -> None:
    a, b = run(1), run(2)
    table, summary = apply_rules([a, b], policy=QUICK).table, compare(a, b, QUICK).summary
    decoder = summary["views"]["decoder"]
    assert cell(table, "song2025") == pytest.approx(decoder["assignment"]["mean"], abs=1e-12)
    assert cell(table, "mcs2023") == pytest.approx(decoder["greedy"]["a_to_b"]["mean"], abs=1e-12)
    agreement = summary["agreement"]["decoder_encoder"]["value"]
    assert cell(table, "agreement2025") == pytest.approx(agreement, abs=1e-12)


def test_floors_stand_beside_the_same_rules_and_a_void_pair_says_so() -> None:
    same = run(1)
    found = apply_rules(
        [run(1), make_run(same.W_dec.clone(), same.W_enc)],
        ["paulo2025", "song2025"],
        QUICK,
        floors={"unrelated": [run(3), run(4)]},
    )
    assert cell(found.table, "paulo2025") == 1
    assert cell(found.table, "paulo2025", "floor_unrelated") == 0
    alone = apply_rules([run(3), run(4)], ["song2025"], QUICK).table
    assert cell(found.table, "song2025", "floor_unrelated") == cell(alone, "song2025")
    assert found.summary["floors"] == {"unrelated": ["run3", "run4"]}
    reasons = [one["check"] for one in found.summary["validity"]["reasons"]]
    assert reasons == ["same_weights", "shared_initialisation"]


def test_a_truth_is_told_from_a_run_and_must_fit() -> None:
    truth = run(7, 40)
    near = rows_at_cosine(truth.W_dec, 0.95, generator=torch.Generator().manual_seed(1))
    runs = [make_run(torch.cat([near, unit_rows(20, D, seed=s)])) for s in (1, 2)]
    table = apply_rules(runs, ["saelens_mcc"], QUICK, truth=truth).table
    assert cell(table, "saelens2026") == pytest.approx(0.95, abs=1e-6)
    assert cell(table, "saelens2026", "null_mean") < 0.5
    with pytest.raises(InvalidInputError, match="--truth has features in 16 dimensions"):
        apply_rules(runs, ["saelens_mcc"], QUICK, truth=make_run(unit_rows(9, 16, seed=0)))


def test_rules_on_firing_have_values_nulls_and_a_floor(tmp_path) -> None:
    study = make_study(tmp_path)
    found = apply_rules(
        list(study.runs[:2]),
        ["gurnee2024", "lan2024"],
        Policy(n_draws=2),
        activations=[study.cache],
    ).table
    excess = found[found["quantity"] == "mean excess correlation"].iloc[0]
    assert excess["value"] > excess["null_mean"] + 5 * excess["null_sd"]
    assert np.isfinite(excess["floor_untrained"])
    rsa = found[found["quantity"] == "RSA"].iloc[0]
    assert rsa["value"] > rsa["null_mean"]


def test_latents_of_a_wider_run_are_novel_where_the_narrower_lacks_what_they_write(
    tmp_path,
) -> None:
    """The wider run has the narrower's latents and as many more, whose features the tokens hold:
    those lower its error; the others, added twice, do not; turned anywhere, hardly any does."""
    features = unit_rows(40, 48, seed=3)
    generator = torch.Generator().manual_seed(1)
    codes = torch.rand(900, 40, generator=generator) + 0.5
    codes *= torch.rand(900, 40, generator=generator) < 2 / 40
    of = {"model_name": "planted", "hook_name": "blocks.0.hook_resid_post"}
    write_cache(tmp_path / "cache", codes @ features, n_documents=30, **of)
    runs = [make_run(features[:20], name="narrow"), make_run(features, name="wide")]
    policy = Policy(nulls=("isotropic",), n_draws=2, min_firing=2)
    found = apply_rules(runs, ["leask2025"], policy, activations=[tmp_path / "cache"]).table
    assert cell(found, "leask2025") == pytest.approx(0.5, abs=0.1)
    assert cell(found, "leask2025", "null_mean") < 0.2
    same = apply_rules([runs[0], make_run(unit_rows(20, 48, seed=9))], ["leask2025"], policy).table
    assert cell(same, "leask2025", "reason_skipped").startswith("no ")


def test_chance_needs_no_runs_and_closed_forms_are_what_is_drawn() -> None:
    found = chance_by_rule(48, 200, 300, n_draws=3, seed=1)
    by = {(one["rule"], one.get("quantity")): one for one in found}
    there = by["mcs2023", "mean largest cosine, a to b"]
    assert there["mean_is"] == "exact"
    assert there["mean"] == pytest.approx(mean_of_maximum(48, 300), abs=1e-12)
    rows = unit_rows(4000, 48, seed=1) @ unit_rows(300, 48, seed=2).T
    largest = rows.max(dim=1).values.double().numpy()
    for q, value in there["quantiles"].items():
        assert (largest <= value).mean() == pytest.approx(float(q), abs=0.03)
    for t, share in there["shares"].items():
        assert (largest >= float(t)).mean() == pytest.approx(share, abs=0.03)
    song = by["song2025", "mean cosine"]
    assert song["mean"] < there["mean"]
    assert {"0.05", "0.5", "0.95"} < set(song["quantiles"])
    assert by["gurnee2024", None]["reason_skipped"].startswith("its chance depends on what fires")


def test_chance_of_an_ecg_study() -> None:
    """Published without a null: .171, .174, .180 at one, two and four times the 400 dimensions."""
    means = [chance_by_rule(400, 400, 400 * k, rules=["mcs"])[0]["mean"] for k in (1, 2, 4)]
    assert means == pytest.approx([0.148, 0.158, 0.168], abs=5e-4)


def test_more_pairs_than_are_drawn_have_closed_forms_alone() -> None:
    found = chance_by_rule(512, 1 << 15, 1 << 15, rules=["husai", "song2025"])
    assert found[0]["mean_is"] == "exact"
    assert found[0]["sd"] is None
    assert "are not drawn" in found[1]["reason_skipped"]


def test_what_a_user_may_get_wrong() -> None:
    with pytest.raises(InvalidInputError, match="at least two runs"):
        apply_rules([run(1)])
    with pytest.raises(InvalidInputError, match="--rule takes all"):
        apply_rules([run(1), run(2)], ["paulo"[:3]])
    with pytest.raises(InvalidInputError, match="d must"):
        chance_by_rule(1, 10, 10)
