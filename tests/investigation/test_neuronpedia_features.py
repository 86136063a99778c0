"""Neuronpedia's feature JSON of an investigation: arrays read side by side are parallel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.made_investigation import made_investigation, made_investigation_of_neurons
from universality.cli.main import cli
from universality.investigation.neuronpedia_features import neuronpedia_features


def test_every_latent_is_a_feature_with_parallel_arrays() -> None:
    found = made_investigation()
    features = neuronpedia_features(found, model_id="toy", source="0-res")
    assert [(one["layer"], one["index"]) for one in features] == [
        ("0-res", "0"),
        ("0-res-b", str(found.summary["subjects"][1]["latent"])),
    ]
    for one in features:
        for stem in ("freq_hist", "logits_hist"):
            values, heights = (one[f"{stem}_data_bar_{kind}"] for kind in ("values", "heights"))
            assert len(values) == len(heights) == 50
        assert len(one["pos_str"]) == len(one["pos_values"])
        assert one["pos_values"] == sorted(one["pos_values"], reverse=True)
        assert one["neg_values"] == sorted(one["neg_values"])
        for text in one["activations"]:
            assert len(text["tokens"]) == len(text["values"])
            assert text["maxValue"] == text["values"][text["maxValueTokenIndex"]]
            assert (text["modelId"], text["source"], text["index"]) == (
                *("toy", one["layer"]),
                one["index"],
            )
            # Their client refuses shares beyond 0 to 1; the strongest texts are of no interval.
            assert text["binContains"] is None or 0 <= text["binContains"] <= 1
        json.dumps(one, allow_nan=False)
    assert sum(features[0]["freq_hist_data_bar_heights"]) == found.summary["subjects"][0]["n_fires"]


def test_neurons_are_named_where_there_are_any() -> None:
    (one,) = neuronpedia_features(made_investigation_of_neurons(), model_id="toy", source="0-mlp")
    assert one["correlated_neurons_indices"] == [0]
    assert one["correlated_neurons_pearson"] == pytest.approx([1])


def test_the_command_writes_a_file_for_each(tmp_path: Path) -> None:
    made_investigation().save(tmp_path / "saved")
    arguments = ["export", "neuronpedia", str(tmp_path / "saved"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli, [*arguments, "--model-id", "toy", "--source", "0-res"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "0-res-0.json").is_file()
    assert json.loads((tmp_path / "out" / "0-res-0.json").read_text())["modelId"] == "toy"
