"""The commands that are struck, what they work on, and where a user's own files lie among it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from tests.made_runs import make_run, unit_rows
from tests.tiny_model import D_IN, random_text, save_tiny_model
from universality.saving import save

MINE = "my thesis.txt"
"""Name of the file that lies in every folder and belongs to the user."""

Command = Callable[[list[str]], int]


@dataclass(frozen=True)
class Subject:
    """One command on a made piece of work."""

    name: str
    """How the report calls it."""
    arguments: tuple[str, ...]
    """What is typed, in the folder of the work."""
    out: str
    """What it makes or changes."""
    before: tuple[str, ...] = ()
    """What was typed before, to make an earlier result; empty for none."""
    earlier: bool = False
    """Whether `out` holds finished work before, which must be whole at all times."""
    begun: tuple[str, ...] = ()
    """Files whose presence says that their folder is this program's, so that files of the user may
    come to lie there without being refused."""


_RUNS = ("runs/s0", "runs/s1")
_DRAWS = ("--draws", "2", "--device", "cpu")
_VIEWS = (*_DRAWS, "--min-firing", "1")
_COMPARE = ("compare", *_RUNS, "--activations", "cache", *_VIEWS, "--codes", "codes")
_COLLECT = (
    *("activations", "collect", "--model", "model", "--hook", "blocks.1.hook_resid_post"),
    *("--text", "text.txt", "--context", "16", "--shard-tokens", "256"),
)
_TRAIN = (
    *("train", "--activations", "cache", "--seeds", "0,1", "--width", "48", "--k", "4"),
    *("--tokens", "6000", "--batch-size", "500", "--checkpoints", "2"),
)

SUBJECTS = (
    Subject("compare", (*_COMPARE, "--out", "out"), "out", begun=("codes.json",)),
    Subject(
        "compare --overwrite",
        (*_COMPARE, "--out", "out", "--overwrite"),
        "out",
        before=("compare", *_RUNS, *_DRAWS, "--view", "decoder", "--out", "out"),
        earlier=True,
        begun=("codes.json",),
    ),
    Subject(
        "stability",
        ("stability", "runs", "--activations", "cache", *_VIEWS, "--out", "out"),
        "out",
        begun=("pairs.json", "codes.json"),
    ),
    Subject("collect", (*_COLLECT, "--out", "out"), "out", begun=("collection.json",)),
    Subject("train", (*_TRAIN, "--out", "out"), "out", begun=("",)),
    Subject(
        "figures",
        ("figures", "out", "--format", "svg,png"),
        "out",
        before=("compare", *_RUNS, "--activations", "cache", *_VIEWS, "--out", "out"),
        earlier=True,
        begun=("",),
    ),
    Subject(
        "report",
        ("report", "out"),
        "out",
        before=("compare", *_RUNS, "--activations", "cache", *_VIEWS, "--out", "out"),
        earlier=True,
        begun=("",),
    ),
)


def make_inputs(folder: Path, command: Command) -> None:
    """Three runs, a model, a text and a cache of activations, the user's file in each folder."""
    shared = unit_rows(32, D_IN, seed=0)
    for seed in range(3):
        rows = torch.cat([shared, unit_rows(16, D_IN, seed=10 + seed)]).roll(seed, 0)
        save(make_run(rows, seed=seed), folder / "runs" / f"s{seed}")
    save_tiny_model(folder / "model")
    texts = "\n".join(random_text(60, seed=seed) for seed in range(30))
    (folder / "text.txt").write_text(texts)
    assert command([*_COLLECT, "--out", "cache"]) == 0
    plant(folder)


def make_work(subject: Subject, inputs: Path, work: Path, command: Command) -> None:
    """The inputs, and the earlier result of the subject, in a folder of its own."""
    shutil.copytree(inputs, work)
    if subject.before:
        left = command(list(subject.before))
        assert left == 0, Path(f"{work}.log").read_text()[-2000:]
        if "--overwrite" in subject.arguments:
            (work / subject.out / ".DS_Store").write_text("how I look at it")
        else:
            plant(work)


def plant(folder: Path, begun: tuple[str, ...] = ("",)) -> list[Path]:
    """Put a file of the user into every folder that holds one of `begun`; give those there are."""
    for place in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        ours = any((place / name).exists() for name in begun)
        if ours and "staging" not in str(place.relative_to(folder)):
            (place / MINE).write_text(f"mine, in {place.relative_to(folder)}")
    return sorted(folder.rglob(MINE))
