"""The paper figures, laid out from tiny tables such as the studies save."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_results import made_comparison

HOOK = "blocks.3.hook_resid_post"
CALIBRATION = Path(__file__).resolve().parents[2] / "analysis" / "results" / "null_calibration"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs, two of them four latents wide and one eight, on one hook."""
    folder = tmp_path_factory.mktemp("study")
    means = pd.DataFrame({"ratio": [1, 1, 2, 2], "direction": 2 * ["narrow to wide", "back"]})
    means = means.assign(value=[0.6, 0.6, 0.5, 0.4], null_value=[0.2, 0.2, 0.3, 0.1])
    means.to_csv(folder / "ratios.csv", index=False)
    widths = ["4 to 4", "4 to 4", "4 to 8", "4 to 8"]
    means.assign(model="m", hook=HOOK, widths=widths).to_csv(folder / "bars.csv", index=False)
    pairs = pd.DataFrame(
        [("r0", "r1", 0.5, 0.75), ("r0", "r2", 0.25, 0.375), ("r1", "r2", 0.125, 0.25)],
        columns=["a", "b", "decoder", "activations"],
    ).melt(["a", "b"], var_name="view", value_name="mean")
    pairs.assign(null_of_equal_widths=0.125).to_csv(folder / "pairs.csv", index=False)
    rows = [
        (run, HOOK, width, latent, 10.0 ** -(1 + latent % 3))
        for run, width in (("r0", 4), ("r1", 4), ("r2", 8))
        for latent in range(width)
    ]
    columns = ["run", "hook", "width", "latent", "frequency"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "frequencies.csv", index=False)
    return folder


def drawn(name: str, folder: Path, out: Path) -> pd.DataFrame:
    """The numbers of a figure whose files were all written."""
    files = importlib.import_module(f"data_visualization.{name}").draw(folder, out / name)
    assert [file.name for file in files] == [f"{name}.png", f"{name}.pdf", f"{name}.csv"]
    assert all(file.stat().st_size for file in files)
    return pd.read_csv(files[-1])


def test_ratios_have_both_directions_and_their_nulls(study: Path, tmp_path: Path) -> None:
    lines = drawn("mcs_against_ratio", study, tmp_path).groupby("series")["y"].apply(list)
    assert lines.to_dict() == {
        "narrow to wide": [0.6, 0.5],
        "back": [0.6, 0.4],
        "null, narrow to wide": [0.2, 0.3],
        "null, back": [0.2, 0.1],
    }


def test_matrices_are_of_cosines_and_of_correlations(study: Path, tmp_path: Path) -> None:
    numbers = drawn("run_matrices", study, tmp_path)
    for view, values in (("decoder", [0.5, 0.25, 0.125]), ("activations", [0.75, 0.375, 0.25])):
        cells = numbers[numbers["panel"] == view]
        assert len(cells) == 9
        assert sorted(cells["value"].dropna()) == sorted(2 * values)
        (kind,) = cells["series"].unique()
        assert ("correlation" if view == "activations" else "cosine") in kind


def test_bars_stand_by_layer_and_widths_beside_their_null(study: Path, tmp_path: Path) -> None:
    numbers = drawn("layers_and_sizes", study, tmp_path)
    bars = numbers[numbers["mark"] == "bar"].set_index(["panel", "series"])["value"]
    assert bars["narrow to wide", "4 to 8"] == 0.5
    assert bars["back", "4 to 8"] == 0.4
    nulls = numbers[numbers["mark"] == "tick"].set_index(["panel", "series"])["y"]
    assert nulls["back", "null, 4 to 8"] == 0.1


def test_the_grid_counts_every_latent_of_every_run(study: Path, tmp_path: Path) -> None:
    numbers = drawn("frequency_grid", study, tmp_path)
    counts = numbers.groupby("panel")["value"].sum().to_dict()
    assert counts == {"layer 3, 4 latents": 8, "layer 3, 8 latents": 8}
    assert np.isclose(numbers["low"].min(), 1e-3)


def test_two_seeds_are_drawn_from_a_saved_comparison(tmp_path: Path) -> None:
    made_comparison().save(tmp_path / "result")
    numbers = drawn("two_seeds", tmp_path / "result", tmp_path)
    assert list(dict.fromkeys(numbers["panel"])) == [
        "share_against_threshold",
        "means_beside_null",
        "decoder_against_encoder",
        "similarity_against_frequency",
    ]


def test_calibration_is_drawn_from_the_study_s_tables(tmp_path: Path) -> None:
    numbers = drawn("null_calibration", CALIBRATION, tmp_path)
    mixtures = pd.read_csv(CALIBRATION / "mixtures.csv")
    real = mixtures[mixtures["world"] == "mean and spectrum"]
    power = numbers[(numbers["panel"] == "power") & numbers["series"].str.endswith("shared")]
    assert sorted(power["y"]) == sorted(real["power"])
    assert set(numbers["panel"]) == {"levels", "false discoveries", "power"}
