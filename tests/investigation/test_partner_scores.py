"""Firings of all latents told by their partners, on the toy language model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.investigation.toy_language_model import N_WORDS, REAL, made_cache, made_run
from universality.encoding.streaming import encode
from universality.investigation.corpus import corpus_of
from universality.investigation.partner_scores import detections
from universality.investigation.subjects import CodedOver


def test_partners_tell_what_they_share(tmp_path: Path) -> None:
    cache = made_cache(tmp_path / "cache")
    order = [2, 3, 4, 5, 6, 7, 8, 9, 10, REAL, 2, 3]
    a, b = (
        CodedOver(name, run, encode(run, cache, progress=False))
        for name, run in (("a", made_run("a")), ("b", made_run("b", order)))
    )
    table = detections(a, b, corpus_of(cache), range(N_WORDS)).set_index("a")
    assert table.loc[REAL, "b"] == order.index(REAL)
    assert table.loc[[REAL, 2, 7], "auroc"].tolist() == pytest.approx([1, 1, 1])
    assert table.loc[REAL, "average_precision"] == pytest.approx(1)
    # Latent 11 reads a word that no latent of b reads: its partner tells it no better than chance.
    assert table.loc[11, "auroc"] < 0.7
    assert table.loc[11, "average_precision"] < 3 * table.loc[11, "base_rate"]
    assert np.isfinite(table["correlation"]).all()
