"""Every latent has one grade, and planted latents have the one they were planted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.comparison.grading import with_grades
from universality.recurrence.study import stability
from universality.results import GRADES, Comparison
from universality.runs.alive import Alive

N_TOKENS = 2_000
POLICY = Policy(nulls=("isotropic",), n_draws=2, min_firing=10, threshold=0.9)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Latents 0-19 are shared, 20-29 are not, 30 fires thrice, 31 never; 32 is a row of zeros."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.rand(N_TOKENS, 64, generator=generator)
    tokens[:, 40], tokens[:, 41] = 0.0, -1.0
    tokens[:3, 40] = 9.0
    cache = write_cache(tmp_path_factory.mktemp("caches") / "c", tokens, n_documents=20)
    axes = torch.eye(64)
    runs = []
    for start in (20, 30):
        rows = [axes[:20], axes[start : start + 10], axes[40:42], torch.zeros(1, 64)]
        runs.append(make_run(torch.cat(rows), name=f"run{start}"))
    return compare(*runs, POLICY, activations=cache)


def test_planted_latents_have_their_grades(planted: Comparison) -> None:
    for latents in (planted.latents_a, planted.latents_b):
        grades = latents["grade_decoder"].tolist()
        assert grades[:20] == ["same"] * 20
        assert set(grades[20:30]) <= {"similar", "none"}
        assert grades[30:] == ["rare", "dead", "dead"]


def test_grades_add_up_to_the_width_in_every_view_and_by_all(planted: Comparison) -> None:
    for side, latents in (("a", planted.latents_a), ("b", planted.latents_b)):
        counts = planted.summary["grades"][side]
        views = {"decoder", "encoder", "activations", "decoder_and_encoder", "all"}
        assert set(counts) == views
        for view, by_grade in counts.items():
            column = latents["grade" if view == "all" else f"grade_{view}"]
            assert tuple(by_grade) == GRADES
            assert by_grade == {grade: int((column == grade).sum()) for grade in GRADES}
            assert sum(by_grade.values()) == len(latents) == 33


def test_views_together_are_same_only_with_one_partner() -> None:
    """Rows: same in both; another partner; one view below; above chance in both; in one; rare.

    None is said only where no view finds anything.
    """
    table = pd.DataFrame(
        {
            "partner_decoder": [0, 1, 2, 3, 4, 5, -1],
            "partner_encoder": [0, 9, 2, 3, 4, 5, -1],
            "partner_similarity_decoder": [0.9, 0.9, 0.9, 0.2, 0.2, 0.2, np.nan],
            "partner_similarity_encoder": [0.9, 0.9, 0.2, 0.2, 0.2, 0.2, np.nan],
            "above_chance_decoder": [True, True, True, True, True, False, False],
            "above_chance_encoder": pd.array([True] * 4 + [None, False, None], "boolean"),
        }
    )
    lives = torch.tensor([True] * 6 + [False])
    alive = Alive(lives, "made", n_zero_rows=0, rare=~lives)
    graded = with_grades(table, ("decoder", "encoder"), alive, threshold=0.9 + 1e-12)
    apart = {
        "decoder": ["same"] * 3 + ["similar"] * 2 + ["none", "rare"],
        "encoder": ["same"] * 2 + ["similar"] * 2 + ["none", "none", "rare"],
    }
    for view, grades in apart.items():
        assert graded[f"grade_{view}"].tolist() == grades
    expected = ["same", "similar", "similar", "similar", "similar", "none", "rare"]
    assert graded["grade_decoder_and_encoder"].tolist() == expected
    assert graded["grade"].tolist() == expected


def test_many_runs_grade_what_is_found_again(tmp_path: Path) -> None:
    shared = unit_rows(20, 32, seed=0)
    runs = [
        make_run(torch.cat([shared, unit_rows(10, 32, seed=s)]), name=f"r{s}") for s in (1, 2, 3)
    ]
    found = stability(runs, Policy(nulls=("isotropic",), n_draws=2))
    assert (found.latents["grade_decoder"] == "same").sum() == 60
    assert set(found.latents["grade"]) == {"same", "none"}
    for run in found.summary["runs"]:
        assert run["grades"]["decoder"] == {
            "same": 20,
            "similar": 0,
            "none": 10,
            "rare": 0,
            "dead": 0,
        }
