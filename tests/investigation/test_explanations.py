"""Explanations and scores of others, read from files as delphi writes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.investigation.toy_language_model import REAL, made_cache, made_run
from universality.errors import FormatError, MissingFileError
from universality.investigation.explanations import (
    read_explanations,
    read_scores,
    scores_by_frequency,
)
from universality.investigation.investigating import investigate


def write_results(folder: Path) -> Path:
    """delphi's folder of results: explanations of two latents, scores of three."""
    (folder / "explanations").mkdir(parents=True)
    (folder / "scores" / "detection").mkdir(parents=True)
    for latent, text in ((0, "the word x"), (3, "the word v")):
        file = folder / "explanations" / f"layers.0_latent{latent}.txt"
        file.write_text(json.dumps(text))
    right = [{"activating": True, "prediction": 1}, {"activating": False, "prediction": 0}]
    wrong = [{"activating": True, "prediction": 0}, {"activating": False, "prediction": 1}]
    failed = [{"activating": True, "prediction": None}]
    for latent, examples in ((0, right + failed), (3, wrong), (5, right + wrong)):
        file = folder / "scores" / "detection" / f"layers.0_latent{latent}.txt"
        file.write_text(json.dumps(examples))
    return folder


def test_delphis_folder_is_read(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "results")
    assert read_explanations(folder) == {0: "the word x", 3: "the word v"}
    scores = read_scores(folder).set_index("latent")
    assert scores["balanced_accuracy"].to_dict() == {0: 1, 3: 0, 5: 0.5}
    assert scores["f1"].to_dict() == {0: 1, 3: 0, 5: 0.5}
    assert scores["n_failed"].to_dict() == {0: 1, 3: 0, 5: 0}  # delphi's own count is always 0


def test_a_file_maps_latents_to_texts(tmp_path: Path) -> None:
    file = tmp_path / "said.json"
    file.write_text(json.dumps({"17": "sometimes"}))
    assert read_explanations(file) == {17: "sometimes"}
    assert read_scores(file).empty


@pytest.mark.parametrize(
    ("content", "message"),
    [({"a": "b"}, "must map numbers"), ([1], "must map numbers"), ({"1": 2}, "must be a text")],
)
def test_what_is_no_explanation_is_refused(tmp_path: Path, content, message: str) -> None:
    file = tmp_path / "said.json"
    file.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=message):
        read_explanations(file)


def test_what_is_missing_or_no_score_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match="no explanations"):
        read_explanations(tmp_path / "empty")
    folder = write_results(tmp_path / "results")
    (folder / "scores" / "detection" / "layers.0_latent9.txt").write_text('"good"')
    with pytest.raises(FormatError, match="must be a list of scored examples"):
        read_scores(folder)


def test_scores_are_shown_by_frequency(tmp_path: Path) -> None:
    scores = read_scores(write_results(tmp_path / "results"))
    frequency = np.array([0.05, 0, 0, 0.05, 0, 0.0005])
    table = scores_by_frequency(scores, frequency, 0)
    assert table[["low", "n_latents"]].to_numpy().tolist() == [[1e-4, 1], [1e-2, 2]]
    assert table["balanced_accuracy"].tolist() == [0.5, 0.5]
    assert table["own_balanced_accuracy"].fillna(-1).tolist() == [-1, 1]
    fewer = scores_by_frequency(scores, frequency[:4], 0)
    assert fewer["n_latents"].tolist() == [2]


def test_an_investigation_shows_both(tmp_path: Path) -> None:
    found = investigate(
        made_run("a"),
        REAL,
        made_cache(tmp_path / "cache"),
        explanations=write_results(tmp_path / "results"),
        progress=False,
    )
    assert found.summary["explanation"] == "the word x"
    assert "Others say: the word x" in found.summary["answer"]
    assert found.scores["n_latents"].sum() == 3
