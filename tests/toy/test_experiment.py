"""Instances are runs and the truth is a run: from the command to comparisons, figures and page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from selenium.webdriver import Chrome

from tests.docs.pages import names, page, rows, sections
from tests.docs.test_results_page import _leaves, _problems
from tests.report.browser import Page, open_chromium
from universality import figures
from universality.cli import main
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.loading import load
from universality.loading.addressed_runs import expand
from universality.report import page as page_of
from universality.results import ToyResult, read_result
from universality.toy.experiment import ToySettings, recovered_features, toy_experiment

FEW = ["--instances", "4", "--steps", "6000", "--model-steps", "4000", "--probability", "0.05"]


def _run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("toy") / "out"
    assert _run(["toy", "--resample", "simple", *FEW, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def chromium():  # type: ignore[no-untyped-def]
    browser = open_chromium()
    yield browser
    browser.quit()


def test_features_are_found_on_the_whole(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["features_represented"] == 5
    assert summary["features_recovered_fraction"] >= 0.4
    assert summary["features_recovered_fraction"] == pytest.approx(
        sum(summary["features_recovered"]) / 20
    )
    assert summary["instances_recovered"] == summary["features_recovered"].count(5)


def test_runs_say_what_the_summary_says(folder: Path) -> None:
    """Recovery from the files, by SciPy's assignment."""
    from scipy.optimize import linear_sum_assignment

    truth = load(folder / "truth").W_dec
    unit = torch.nn.functional.normalize(truth, dim=1)
    found = []
    for i in range(4):
        run = load(folder / f"instance-{i}")
        assert run.key.seed == i
        assert run.firing is not None
        cosines = unit @ torch.nn.functional.normalize(run.W_dec, dim=1).T
        cosines[:, run.firing.frequency < 1e-9] = -1
        pairs = linear_sum_assignment(-cosines.numpy())
        found.append(int((cosines[pairs] > 0.99).sum()))
    assert json.loads((folder / "summary.json").read_text())["features_recovered"] == found


def test_every_command_reads_the_runs(folder: Path, tmp_path: Path) -> None:
    truth, instance = str(folder / "truth"), str(folder / "instance-3")
    nulls = ["--null", "geometry,isotropic,haar"]
    assert _run(["compare", truth, instance, *nulls, "--out", str(tmp_path / "two")]) == 0
    assert _run(["stability", str(folder), "--out", str(tmp_path / "many")]) == 0
    summary = json.loads((tmp_path / "many" / "summary.json").read_text())
    assert [run["name"] for run in summary["runs"]] == [f"instance-{i}" for i in range(4)]
    assert expand(folder / "truth") == [str(folder / "truth")]


def test_files_and_keys_are_documented(folder: Path) -> None:
    tables = sections(sections(page("results.md"), 2)["Toy"], 3)
    for heading, text in tables.items():
        (file,) = names(heading)
        documented = {name: rest for some, *rest in rows(text) for name in some}
        if file == "summary.json":
            values = list(_leaves(json.loads((folder / file).read_text(encoding="utf-8"))))
            assert _problems(file, documented, values) == []  # type: ignore[arg-type]
        else:
            with np.load(folder / file) as arrays:
                assert set(arrays) == set(documented)
    assert {names(heading)[0] for heading in tables} == {"summary.json", "frames.npz"}


def test_figures_show_the_saved_numbers(folder: Path) -> None:
    result = read_result(folder)
    assert isinstance(result, ToyResult)
    ax = figures.features_in_plane(result, Figure().subplots())
    numbers = figures.plotted_numbers(ax).set_index("series")
    end = numbers.loc["decoder 2 1"].iloc[-1]
    assert [end["x"] - 2 * 3, end["y"] + 3 * 3] == pytest.approx(result.frames["W_dec"][-1, 2, 1])
    ax = figures.feature_overlaps(result, Figure().subplots())
    cells = figures.plotted_numbers(ax).query("mark == 'cell'")["value"].to_numpy()
    np.testing.assert_allclose(cells.reshape(5, 5), result.W.T @ result.W)
    ax = figures.active_over_training(result, Figure().subplots(), instance=1)
    lines = figures.plotted_numbers(ax).query("series == 'latent 3'")
    np.testing.assert_allclose(lines["y"], result.frames["active_fraction"][1:, 1, 3])
    with pytest.raises(InvalidInputError, match="no instance 9"):
        figures.active_over_training(result, Figure().subplots(), instance=9)


def test_figures_are_drawn_anew_and_the_page_too(folder: Path) -> None:
    assert _run(["figures", str(folder), "--format", "svg"]) == 0
    assert (folder / "figures" / "features_in_plane.svg").is_file()
    before = (folder / "animation.html").read_bytes()
    assert _run(["report", str(folder)]) == 0
    assert (folder / "animation.html").read_bytes() == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_animation_plays_slides_and_links(folder: Path, chromium: Chrome, theme: str) -> None:
    opened = Page(chromium, folder / "animation.html")
    opened.theme(theme)
    ends = (
        "return [...document.querySelectorAll('.row:nth-of-type(1) .latent')]"
        ".map(line => line.getAttribute('x2'))"
    )
    last = opened.run(ends)
    assert len(last) == 4 * 5
    opened.choose("frame", "0")
    assert opened.text("#step") == "0"
    first = opened.run(ends)
    assert sum(a != b for a, b in zip(first, last, strict=True)) == len(last)
    opened.run("document.getElementById('play').click()")
    opened.wait("return Number(document.getElementById('frame').value) > 3")
    opened.run("document.getElementById('play').click()")
    assert opened.text("#play") == "Play"
    opened.run(
        'document.querySelector(\'.hit[data-instance="1"][data-latent="2"]\')'
        ".dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))"
    )
    clear = "return document.querySelectorAll('.latent:not(.faded)').length"
    assert opened.run(clear) == 2  # the same latent, in the encoder and in the decoder
    assert "Instance 1, latent 2" in opened.text("#hovered")
    assert opened.errors() == []
    assert opened.requests() == []


def test_three_dimensions_are_not_drawn_in_a_plane(tmp_path: Path) -> None:
    few = ["--instances", "2", "--steps", "20", "--model-steps", "20", "--features", "6"]
    assert _run(["toy", "--hidden", "3", *few, "--out", str(tmp_path / "three")]) == 0
    assert not (tmp_path / "three" / "animation.html").exists()
    assert not (tmp_path / "three" / "figures" / "features_in_plane.png").exists()
    result = read_result(tmp_path / "three")
    assert isinstance(result, ToyResult)
    with pytest.raises(InvalidInputError, match="has 3"):
        figures.features_in_plane(result, Figure().subplots())
    with pytest.raises(InvalidInputError, match="has 3 dimensions"):
        page_of(result)


def test_instances_can_agree_on_what_is_no_feature() -> None:
    """One latent for two features that are always together: all learn their sum."""
    found = toy_experiment(
        ToySettings(
            instances=2, features=2, latents=1, probability=0.2, correlated_pairs=1, steps=2000,
            model_steps=2000,
        )
    )  # fmt: skip
    assert found.result.summary["features_recovered"] == [0, 0]
    unit = torch.nn.functional.normalize(found.truth.W_dec, dim=1)
    total = torch.nn.functional.normalize(unit.sum(dim=0), dim=0)
    first, second = (run.W_dec[0] for run in found.instances)
    assert float(first @ second) > 0.99
    assert min(float(first @ total), float(second @ total)) > 0.99


def test_a_latent_that_never_fires_recovers_nothing() -> None:
    truth = Dictionary(W_dec=torch.eye(3))
    alive = torch.tensor([True, False, True])
    assert recovered_features(truth, truth).tolist() == [True, True, True]
    assert recovered_features(truth, truth, alive).tolist() == [True, False, True]
    assert recovered_features(truth, truth, ~alive & alive).tolist() == [False] * 3
    near = replace(truth, W_dec=torch.eye(3) + 0.3)
    assert not recovered_features(truth, near).any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--probability", "1.5"], "[0, 1]"),
        (["--anticorrelated-pairs", "1", "--probability", "0.7"], "half of the time"),
        (["--correlated-pairs", "4"], "there are 5"),
        (["--architecture", "topk"], "relu, tied, gated, jumprelu"),
        (["--resample", "all"], "none, simple, advanced"),
        (["--instances", "0"], "--instances"),
        (["--hidden", "0"], "--hidden"),
        (["--latents", "0"], "--latents"),
        (["--steps", "0"], "--steps"),
        (["--coefficient", "-1"], "--coefficient"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["toy", *options, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert not (tmp_path / "out").exists()
