"""`universality inspect`: what a checkpoint is, on one screen or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.loading.fixtures import CASES, CHECKPOINTS, address, how
from universality.cli import main
from universality.cli.inspect import inspect


def _shown(*arguments: str) -> str:
    result = CliRunner().invoke(inspect, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_screen_says_what_the_checkpoint_is() -> None:
    shown = _shown(str(CHECKPOINTS / "saelens" / "sparsity"))
    for words in (
        "saelens 6",
        "relu",
        "24 latents, d_in 8",
        "W_enc, W_dec, b_enc, b_dec (float32)",
        "subtracted before encoding",
        "gpt2-small, blocks.8.hook_resid_pre",
        "7 (runner_cfg.json: seed)",
        "2 never fired (sparsity.safetensors); 0 decoder rows of zeros",
    ):
        assert words in shown


@pytest.mark.parametrize("case", CASES)
def test_every_fixture_fits_a_screen(case: str) -> None:
    options = [f"--format={how(case)['format']}"] if how(case) else []
    assert len(_shown(address(case), *options).splitlines()) <= 24


def test_json_holds_all_of_it_and_nothing_else() -> None:
    shown = json.loads(_shown(str(CHECKPOINTS / "llama_scope" / "jumprelu"), "--json"))
    assert shown["format"] == "llama_scope"
    assert shown["architecture"] == "jumprelu"
    assert shown["d_sae"] == 24
    assert shown["seed"] is None
    assert shown["decoder_norm"]["max"] == pytest.approx(1, abs=1e-6)
    assert any("in the authors' own order" in sentence for sentence in shown["assumptions"])
    assert len(shown["sha256"]) == 64


def test_a_refused_encoding_says_why() -> None:
    shown = _shown(str(CHECKPOINTS / "saelens" / "temporal"))
    assert "a temporal SAE predicts each token from the ones before it" in shown


def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["inspect", str(tmp_path / "nothing")])
    captured = capsys.readouterr()
    assert left.value.code == 2
    assert captured.err.startswith("error: no such file or folder")
    assert len(captured.err.strip().splitlines()) == 1
    assert captured.out == ""
