"""What options take: one meaning of a path in every command, and numbers that can be drawn with."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import numpy as np
import pytest

from tests.docs.make_commands import commands
from universality.cli import main
from universality.cli.types import Address, Device, NewFile, NewFolder, UserPath, WorkFolder

ALL = {" ".join(names): command for names, command in commands()}
PATHS = {"out", "activations", "folder", "keys", "assignments", "codes", "texts"}
PLACES = {"a", "b", "run", "runs", "model", "unembedding"}
FAST = ["--null", "isotropic", "--draws", "2"]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


@pytest.fixture
def arrays(tmp_path: Path) -> tuple[Path, Path]:
    for seed in range(2):
        rows = np.random.default_rng(seed).standard_normal((40, 16)).astype(np.float32)
        np.save(tmp_path / f"{seed}.npy", rows)
    return tmp_path / "0.npy", tmp_path / "1.npy"


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_path_of_every_command_is_of_one_kind(name: str) -> None:
    for parameter in ALL[name].params:
        assert not isinstance(parameter.type, click.Path | click.File), parameter.name
        if parameter.name in PATHS:
            assert isinstance(parameter.type, UserPath), parameter.name
        if parameter.name in PLACES:
            assert isinstance(parameter.type, Address), parameter.name
        if parameter.name == "out":
            assert isinstance(parameter.type, NewFile | NewFolder | WorkFolder)
        if parameter.name == "device":
            assert isinstance(parameter.type, Device)
        if parameter.name == "seed":
            assert isinstance(parameter.type, click.IntRange)


@pytest.mark.parametrize("kind", [UserPath(), NewFolder(), WorkFolder(), Address()])
def test_a_tilde_is_the_home_folder(kind: UserPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(kind.convert("~/x", None, None)) == "/home/someone/x"
    assert str(kind.convert("a/~/x", None, None)) == "a/~/x"
    assert str(kind.convert("./~", None, None)) in ("./~", "~")
    with pytest.raises(click.BadParameter, match="no such home folder"):
        kind.convert("~nobody-of-that-name/x", None, None)
    with pytest.raises(click.BadParameter, match="empty"):
        kind.convert("", None, None)


def test_out_after_an_equals_sign_lies_in_the_home_folder(
    arrays: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    assert run("compare", *arrays, "--out=~/result", "--view", "decoder", *FAST) == 0
    assert (home / "result" / "summary.json").is_file()
    assert not (tmp_path / "~").exists()
    assert run("report", "~/result") == 0


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (".", "cannot be made or replaced as a whole; name a new one, such as result"),
        ("/", "cannot be made or replaced as a whole; name a new one, such as /result"),
        ("..", "cannot be made or replaced as a whole"),
        ("", "the path is empty"),
        ("x" * 300, "cannot be a folder: File name too long"),
        ("x/" * 3_000, "cannot be a folder: File name too long"),
        ("o\udcff", "is not UTF-8"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "stability"])
def test_an_out_that_cannot_be_is_one_line(
    command: str,
    out: str,
    said: str,
    arrays: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run(command, *arrays, "--out", out) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said in error
    assert len(error) < 400
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--seed", "-1", "not in the range"),
        ("--seed", str(2**63), "not in the range"),
        ("--draws", "2147483648", "not in the range"),
        ("--draws", "1", "not in the range"),
        ("--device", "meta", "'meta' is none of auto, cpu"),
        ("--device", "cuda:99", "--device cuda:99 cannot be used here"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "stability"])
def test_numbers_and_devices_out_of_range_are_one_line(
    command: str,
    option: str,
    value: str,
    said: str,
    arrays: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(command, *arrays, option, value, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["compare", "stability"])
def test_circles_of_links_are_one_line(
    command: str, arrays: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    assert run(command, *arrays, "--out", tmp_path / "one") == 2
    assert re.search("circle of links|cannot be followed", capsys.readouterr().err)
    assert run(command, tmp_path / "one", arrays[0], "--out", tmp_path / "out") == 2
    assert "no such file or folder" in capsys.readouterr().err
    cache = ["--activations", tmp_path / "one"]
    assert run(command, *arrays, *cache, "--out", tmp_path / "out") == 2
    assert "cannot be reached" in capsys.readouterr().err
    assert (tmp_path / "one").is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_what_would_be_waited_for_is_one_line(
    arrays: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe, sparse = tmp_path / "pipe.npy", tmp_path / "sparse.npy"
    os.mkfifo(pipe)
    sparse.write_bytes(arrays[0].read_bytes())
    os.truncate(sparse, 64 * 2**30)
    out = ["--out", tmp_path / "out"]
    for arguments, said in (
        (["inspect", pipe], "is a pipe"),
        (["inspect", "/dev/zero"], "is a device"),
        (["compare", pipe, arrays[0], *out], "is a pipe"),
        (["compare", sparse, arrays[0], *out], "holes|bytes follow the array"),
        (["compare", *arrays, "--activations", pipe, *out], "is a pipe"),
        (["compare", *arrays, "--unembedding", pipe, *out], "is a pipe"),
        (["stability", *arrays, "--keys", pipe, *out], "is a pipe"),
        (["stability", "--assignments", pipe, *out], "is a pipe"),
        (["train", "--activations", pipe, *out], "is a pipe"),
    ):
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert re.search(said, error), error
        assert error.count("\n") == 1
