"""The whole result of a connector: its baselines, its folder, its command, its page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import universality as un
from tests.made_connection import made_connection
from tests.tiny_study import TinyStudy, make_study
from universality.activation_functions import ReLU
from universality.cli.main import cli
from universality.connectors.analytic_map import Between, analytic_start
from universality.connectors.connecting import Connected
from universality.connectors.ends import coded_ends, held_out_tokens
from universality.connectors.simulation import carry, simulate
from universality.errors import InvalidInputError
from universality.report import page
from universality.results import read_connection


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def found(study: TinyStudy) -> Connected:
    return made_connection(study)


def test_baselines_stand_in_their_order(found: Connected) -> None:
    fvu = found.connection.summary["fvu"]
    assert fvu["connector"]["global"] < 0.5 < 0.9 < fvu["permuted"]["global"]
    assert fvu["constant"]["global"] == pytest.approx(1, abs=0.05)
    assert set(fvu) == {"connector", "constant", "permuted", "analytic", "dense"}


def test_the_analytic_map_is_the_encoder_of_the_decoder(study: TinyStudy) -> None:
    a, b = study.runs[0], replace(study.runs[1], activation_fn=ReLU())
    between = Between(torch.eye(a.d_in), torch.zeros(a.d_in), relu=False)
    start = analytic_start(a, b, between)
    codes = torch.rand(5, a.d_sae, generator=torch.Generator().manual_seed(0))
    ours = np.maximum(codes.numpy() @ start.W.T + start.b, 0)
    np.testing.assert_allclose(ours, b.encode(a.decode(codes)).numpy(), atol=1e-4)


def test_a_saved_result_is_read_back(found: Connected, tmp_path: Path) -> None:
    found.connection.save(tmp_path / "saved")
    back = read_connection(tmp_path / "saved")
    assert back.summary == json.loads(json.dumps(found.connection.summary))
    np.testing.assert_array_equal(back.frames.weights, found.connection.frames.weights)
    assert len(back.edges) == found.connector.n_weights
    frames = back.frames.weights
    assert not frames[0].any()
    assert frames[-1].any()


def test_whole_documents_are_held_out(study: TinyStudy) -> None:
    source, _ = coded_ends(study.runs[0], study.runs[1], study.cache, study.cache)
    kept_out = held_out_tokens(source, 0.25, seed=0)
    assert source.tokens is not None
    out = set(source.tokens.documents[kept_out].tolist())
    assert out.isdisjoint(source.tokens.documents[~kept_out].tolist())
    assert kept_out.mean() == pytest.approx(0.25, abs=0.05)


def test_the_page_holds_everything_and_fetches_nothing(found: Connected) -> None:
    text = page(found.connection)
    assert "median over latents" in text
    assert "<script src" not in text
    assert 'id="frame"' in text


def test_simulation_stays_in_features(study: TinyStudy, found: Connected) -> None:
    a, b = study.runs[:2]
    states = study.cache.shards[0].activations[:40].float()
    codes = found.connector.predict(a.encode(states).numpy())
    expected = b.decode(torch.from_numpy(codes))
    torch.testing.assert_close(simulate([a, b], [found.connector], states), expected)
    with pytest.raises(InvalidInputError, match="cannot be followed"):
        carry([found.connector, found.connector], a.encode(states).numpy())
    with pytest.raises(InvalidInputError, match="3 dictionaries need 2"):
        simulate([a, b, a], [found.connector], states)


def test_the_command_writes_a_whole_folder(study: TinyStudy, tmp_path: Path) -> None:
    for number in (0, 1):
        un.save(study.runs[number], tmp_path / f"run-{number}")
    runs = [str(tmp_path / f"run-{number}") for number in (0, 1)]
    caches = ["--activations", str(study.cache.path), "--target-activations", str(study.cache.path)]
    small = ["--steps", "30", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli, ["connect", *runs, *caches, *small], catch_exceptions=False)
    assert not done.exit_code
    assert "of all variance unexplained" in done.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"manifest.json", "report.html", "connector.safetensors", "figures"} <= names
    assert un.read_connector(tmp_path / "out" / "connector.safetensors").n_weights

    for more, message in (
        (["--l1", "-1"], "l1"),
        (["--l1", "much"], "no list of numbers"),
        (["--form", "cubic"], "form"),
        (["--init", "analytic"], "--between"),
        (["--between", str(tmp_path / "none.safetensors")], "no such file"),
    ):
        command = ["connect", *runs, *caches, "--out", str(tmp_path / "bad"), *more]
        refused = CliRunner().invoke(cli, command)
        assert refused.exit_code
        assert message in f"{refused.output}{refused.exception}", more
    assert not (tmp_path / "bad").exists()
    same = CliRunner().invoke(cli, ["connect", runs[0], runs[0], *caches, "--out", "bad"])
    assert "same dictionary" in str(same.exception)
