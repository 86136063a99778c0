"""A comparison whose work is kept is the one without, to the byte, and is not made again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.tiny_study import make_study
from universality.comparison import Policy, compare
from universality.runs import view_match
from universality.runs.between import own_runs

POLICY = Policy(nulls=("isotropic", "untrained"), n_draws=2, min_firing=3)


def _bytes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_kept_work_changes_no_byte_and_spares_every_matching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(tmp_path / "study")
    two = {"policy": POLICY, "activations": study.cache}
    compare(*study.runs[:2], **two).save(tmp_path / "plain")
    compare(*study.runs[:2], **two, store=tmp_path / "work").save(tmp_path / "kept")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was kept")

    monkeypatch.setattr(view_match, "find_candidates", refuse)
    monkeypatch.setattr(own_runs, "match_within", refuse)
    compare(*study.runs[:2], **two, store=tmp_path / "work").save(tmp_path / "again")
    plain = _bytes(tmp_path / "plain")
    assert len(plain) > 4
    assert _bytes(tmp_path / "kept") == plain
    assert _bytes(tmp_path / "again") == plain
