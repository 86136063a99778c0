"""Figures of trained runs, through their artists; and the folder they are drawn from."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.made_caches import write_cache
from universality.cli import main
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.figures.trained_runs import (
    agreement_over_training,
    fvu_against_l0,
    fvu_over_training,
    training_figures_of,
)
from universality.results.trained import TrainedRuns, read_trained_runs


def _runs(agreement=None):
    cells = pd.DataFrame(
        {
            "cell": ["w8-s0", "w8-s1", "w16-s0"], "architecture": ["topk", "topk", "gated"],
            "d_sae": [8, 8, 16], "init_seed": [0, 1, 0], "fvu": [0.3, 0.31, 0.2],
            "l0": [4.0, 4.0, 9.5], "dead_fraction": [0.0, 0.1, 0.0], "held_out": True,
        }
    )  # fmt: skip
    curves = pd.DataFrame(
        {"cell": ["w8-s0", "w8-s0", "w8-s1"], "n_tokens": [1e6, 2e6, 1e6],
         "fvu": [0.5, 0.3, 0.4], "l0": 4.0, "dead_fraction": 0.0}
    )  # fmt: skip
    return TrainedRuns(cells, curves, agreement)


def _axes():
    return Figure().subplots()


def test_every_run_is_a_point_of_its_sparsity_and_error():
    lines = fvu_against_l0(_runs(), _axes()).lines
    points = sorted((x, y) for line in lines for x, y in line.get_xydata().tolist())
    assert points == [(4.0, 0.3), (4.0, 0.31), (9.5, 0.2)]
    assert [line.get_label() for line in lines] == ["topk, 8 latents", "gated, 16 latents"]


def test_curves_are_in_millions_of_tokens():
    first, second = fvu_over_training(_runs(), _axes()).lines
    assert first.get_xydata().tolist() == [[1.0, 0.5], [2.0, 0.3]]
    assert second.get_label() == "w8-s1"


def test_agreement_is_drawn_where_two_seeds_were_compared():
    table = pd.DataFrame(
        {"a": "w8-s0", "b": "w8-s1", "n_tokens": [1e6, 2e6], "mean_similarity": [0.2, 0.4],
         "share_above_0.7": 0.0}
    )  # fmt: skip
    (line,) = agreement_over_training(_runs(table), _axes()).lines
    assert line.get_xydata().tolist() == [[1.0, 0.2], [2.0, 0.4]]
    assert "agreement_over_training" in training_figures_of(_runs(table))
    assert "agreement_over_training" not in training_figures_of(_runs())
    with pytest.raises(InvalidInputError, match="no two of these runs differ in their seed alone"):
        agreement_over_training(_runs(), _axes())


def test_figures_of_a_folder_of_runs(tmp_path, capsys):
    import torch

    cache = tmp_path / "cache"
    write_cache(cache, torch.randn(1000, 12, generator=torch.Generator().manual_seed(0)))
    runs = tmp_path / "runs"
    for arguments in (
        ["train", "--activations", str(cache), "--out", str(runs), "--seeds", "0,1", "--width",
         "24", "--k", "3", "--tokens", "2000", "--batch-size", "100", "--checkpoints", "2"],
        ["figures", str(runs), "--format", "png"],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
    names = {path.stem for path in (runs / "figures").glob("*.png")}
    assert names == {"fvu_against_l0", "fvu_over_training", "agreement_over_training"}
    agreement = read_trained_runs(runs).agreement
    assert agreement["n_tokens"].tolist() == [1000, 2000]
    assert agreement["mean_similarity"].between(0, 1).all()
    assert sorted(path.name for path in runs.iterdir() if path.name.startswith(".")) == []
    (runs / "figures" / "note.txt").write_text("x")
    with pytest.raises(SystemExit):
        main(["figures", str(runs), "--format", "png"])
    assert (runs / "figures" / "note.txt").read_text() == "x"


def test_a_folder_without_runs_or_with_a_damaged_one(tmp_path):
    with pytest.raises(MissingFileError, match="holds no trained runs"):
        read_trained_runs(tmp_path)
    (tmp_path / "w8-s0").mkdir()
    (tmp_path / "w8-s0" / "training_record.json").write_text("{")
    with pytest.raises(FormatError, match="not a training record"):
        read_trained_runs(tmp_path)
