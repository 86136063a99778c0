"""`universality activations` end to end on a random tiny model."""

import pytest
from click.testing import CliRunner

from tests.tiny_model import random_text, save_tiny_model
from universality.activations.cache import open_cache
from universality.cli import main
from universality.cli.activations import activations

HOOK = "blocks.0.hook_resid_post"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    save_tiny_model(folder / "model")
    (folder / "text.txt").write_text(random_text(120, seed=0))
    return folder


def _arguments(tiny, out, *, hook=HOOK, model="model"):
    return [
        *("collect", "--model", str(tiny / model), "--hook", hook),
        *("--text", str(tiny / "text.txt"), "--out", str(out), "--context", "20"),
    ]


def test_collect_then_info(tiny, tmp_path):
    collected = CliRunner().invoke(activations, _arguments(tiny, tmp_path / "c"))
    assert collected.exit_code == 0, collected.output
    shown = CliRunner().invoke(activations, ["info", str(tmp_path / "c"), "--verify"])
    assert shown.exit_code == 0
    assert shown.stdout == collected.stdout
    assert "--dtype auto: the model ran in " in collected.stderr
    named = [*_arguments(tiny, tmp_path / "named"), "--dtype", "float32"]
    assert not CliRunner().invoke(activations, named).stderr
    for word in (HOOK, "n_tokens         114", "'first_position': 6", "float16"):
        assert word in shown.output


def test_several_hooks_have_a_folder_each(tiny, tmp_path):
    other = "blocks.1.hook_attn_out"
    arguments = [*_arguments(tiny, tmp_path / "c"), "--hook", other, "--hook", other, "--no-bos"]
    collected = CliRunner().invoke(activations, arguments)
    assert collected.exit_code == 0, collected.output
    assert {path.name for path in (tmp_path / "c").iterdir()} == {HOOK, other}
    for word in (f"c/{HOOK}", f"c/{other}", "bos              None", "drop_special     True"):
        assert word in collected.output


def test_random_weights_are_another_model_and_its_cache_says_so(tiny, tmp_path, capsys):
    drawn, trained = tmp_path / "drawn", tmp_path / "trained"
    with pytest.raises(SystemExit):
        main(["activations", *_arguments(tiny, drawn), "--random-weights", "7"])
    assert "model, random weights of seed 7" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["activations", *_arguments(tiny, trained)])
    assert open_cache(drawn).meta.sha256 != open_cache(trained).meta.sha256
    with pytest.raises(SystemExit) as left:
        main(["activations", *_arguments(tiny, drawn)])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "made from something else: model_name was" in said
    assert "model_sha256 was" in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hook": "blocks.7.hook_resid_post"}, "the model has layers 0 to 2"),
        ({"model": "absent"}, "no such folder or file"),
    ],
)
def test_errors_are_one_line_with_exit_code_2(tiny, tmp_path, capsys, changes, message):
    with pytest.raises(SystemExit) as left:
        main(["activations", *_arguments(tiny, tmp_path / "c", **changes)])
    captured = capsys.readouterr()
    assert left.value.code == 2
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert captured.out == ""
    assert not (tmp_path / "c").exists()


def test_info_on_what_is_no_cache(tmp_path, capsys):
    for folder, message in ((tmp_path, "no meta.json"), (tmp_path / "absent", "no such f")):
        with pytest.raises(SystemExit) as left:
            main(["activations", "info", str(folder)])
        assert left.value.code == 2
        assert message in capsys.readouterr().err
