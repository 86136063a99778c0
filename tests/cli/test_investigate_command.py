"""`universality investigate` end to end, without a language model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.investigation.toy_language_model import made_cache, made_run
from universality.cli.main import cli
from universality.saving import save


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("investigate")
    made_cache(folder / "cache")
    for name in ("a", "b"):
        save(made_run(name), folder / name)
    return {name: folder / name for name in ("cache", "a", "b")}


def _ran(inputs: dict[str, Path], out: Path, *more: str, latent: str = "0"):
    arguments = [str(inputs["a"]), latent, "--activations", str(inputs["cache"])]
    return CliRunner().invoke(cli, ["investigate", *arguments, "--out", str(out), *more])


def test_it_writes_tables_figures_and_a_page(inputs: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _ran(inputs, out, "--in", str(inputs["b"]), "--proxy", "regex:x")
    assert done.exit_code == 0, done.output
    assert "fires on" in done.output
    for name in ("summary.json", "report.html", "manifest.json", "similarities.csv"):
        assert (out / name).is_file()
    assert (out / "figures" / "activation_density.png").is_file()
    again = _ran(inputs, out)
    assert again.exit_code != 0
    assert "--overwrite" in str(again.exception)


def test_json_alone_is_printed(inputs: dict[str, Path], tmp_path: Path) -> None:
    done = _ran(inputs, tmp_path / "out", "--json")
    assert json.loads(done.output)["subjects"][0]["latent"] == 0


def test_a_wrong_latent_leaves_nothing(inputs: dict[str, Path], tmp_path: Path) -> None:
    done = _ran(inputs, tmp_path / "out", latent="99")
    assert "its latents are 0 to 11" in str(done.exception)
    assert not (tmp_path / "out").exists()
