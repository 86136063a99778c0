"""Runs that are known by their codes alone: two caches of latents that delphi wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.made_caches import write_cache, write_delphi
from tests.made_runs import make_run, unit_rows
from universality.cli import main
from universality.comparison import Policy, compare
from universality.errors import InvalidInputError
from universality.recurrence.study import stability
from universality.results import read_comparison, read_stability

N = 30
QUICK = Policy(n_draws=2, held_out=False)


def codes(seed: int) -> Tensor:
    """Sparse codes of 30 latents over 40 sequences of 32 tokens."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(40, 32, N, generator=generator).abs()
    return values * (torch.rand(values.shape, generator=generator) < 0.1)


@pytest.fixture
def caches(tmp_path: Path) -> tuple[Path, Path]:
    """A run, and one that shares its first 20 latents in reverse order."""
    first = codes(0)
    second = torch.cat([codes(1)[..., :10], first[..., :20].flip(-1)], dim=-1)
    folders = tmp_path / "a" / "layers.3", tmp_path / "b" / "layers.3"
    write_delphi(folders[0], first, ((0, 9), (10, 29)))
    write_delphi(folders[1], second, ((0, 29),))
    return folders


def test_shared_latents_are_found_without_weights(
    caches: tuple[Path, Path], tmp_path: Path
) -> None:
    comparison = compare(*caches, QUICK)
    summary = comparison.summary
    assert list(summary["views"]) == ["activations"]
    assert summary["policy"]["null"] == "tokens"
    assert summary["a"]["d_in"] is None
    assert summary["activations"]["n_tokens"] == 40 * 31
    assert comparison.latents_a["partner_activations"].tolist()[:20] == list(range(29, 9, -1))
    shared = next(row for row in summary["shared"] if row["threshold"] == 0.7)
    assert shared["activations"]["value"] == pytest.approx(20 / 30)
    assert "decoder_norm" not in comparison.latents_a
    statuses = {check["id"]: check["status"] for check in summary["checks"]}
    assert statuses["same_weights"] == "ok"
    assert statuses["spaces"] == "skipped"
    comparison.save(tmp_path / "saved")
    assert read_comparison(tmp_path / "saved").summary == summary


def test_the_command_takes_caches_as_runs(
    caches: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_delphi(tmp_path / "short", codes(0)[:9], ((0, 29),))
    with pytest.raises(SystemExit) as left:
        main(["compare", str(caches[0]), str(tmp_path / "short")])
    assert left.value.code == 2
    assert "hold codes of different tokens (1,240 in windows of 32" in capsys.readouterr().err


def test_what_does_not_fit_is_refused(caches: tuple[Path, Path], tmp_path: Path) -> None:
    run = make_run(unit_rows(N, 16, seed=0), name="weights")
    with pytest.raises(InvalidInputError, match=r"a/layers.3 holds latents .*weights is a dict"):
        compare(caches[0], run, QUICK)
    with pytest.raises(InvalidInputError, match="leave out --activations"):
        compare(*caches, QUICK, activations=write_cache(tmp_path / "c", torch.randn(40, 16)))
    with pytest.raises(InvalidInputError, match=r"no such view \(it has codes alone\)"):
        compare(*caches, Policy(views=("decoder",)))


def test_many_runs_known_by_their_codes_are_studied_like_two(
    caches: tuple[Path, Path], tmp_path: Path
) -> None:
    """In Python and by the command; a folder of such caches counts for all that are in it."""
    found = stability(tmp_path, QUICK)
    assert list(found.summary["families"]) == ["activations"]
    assert found.summary["over_pairs"]["activations"]["shared"]["mean"] == pytest.approx(20 / 30)
    assert found.latents["decoder_norm"].isna().all()
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as left:
        main(["stability", *map(str, caches), "--draws", "2", "--out", str(out)])
    assert not left.value.code
    assert read_stability(out).summary["over_pairs"] == found.summary["over_pairs"]
