"""Live processes are killed, at random times and at random steps on the disk: is anything lost?

    python -m tests.recovery.kill_campaign --strikes 120 --out tests/recovery/kill_campaign.json

A file of the user lies in every folder. After each strike every such file, every input and every
finished piece of work must be there, bit by bit; then the user puts a file into each folder that
the killed command left, types the same command again, and it must end with exit code 0 and the same
bytes as if it had never been killed, with nothing hidden left behind. What differs is the first
line that is printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.recovery.subjects import MINE, SUBJECTS, Subject, make_inputs, make_work, plant

SIGNALS = ("SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")
"""Drawn from with equal chances: half of all strikes cannot be caught."""

_STEPS = ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link")
_LOADED = (
    "pandas",
    "pyarrow.parquet",
    "matplotlib.figure",
    "scipy.sparse",
    "transformers.models.llama.modeling_llama",
    "tokenizers",
    "universality.publishing",
    "universality.cli.compare",
    "universality.cli.stability",
    "universality.cli.activations",
    "universality.cli.train",
    "universality.activations.collection",
    "universality.models.language_model",
    "universality.training.runs",
)
_TIMES = ("manifest.json", "training_record.json", "training_environment.json")


@dataclass(frozen=True)
class Strike:
    """One strike at one live process."""

    subject: str
    """The command."""
    signal: str
    """What it was struck with."""
    by: str
    """`clock`, from outside, or `step`, before a step it takes on the disk."""
    at: float
    """The fraction of its time, or of its steps, that was over."""
    exit: int
    """What it left with; minus the number of the signal where it could not catch that."""


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody struck."""

    seconds: float
    """How long it took."""
    steps: int
    """How many steps on the disk it took."""
    files: dict[str, str]
    """Hash of each file that was there at its end, but those that hold times."""


def start(work: Path, arguments: list[str], *, step: int = -1, number: int = 0) -> int:
    """The process that runs a command in a folder; `number` strikes it before its step `step`."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        # As a shell starts it, whatever started this: `nohup` and `&` have signals ignored.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(work)
        log = os.open(f"{work}.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        seen = [0]

        def watch(event: str, given: tuple[object, ...]) -> None:
            if event in _STEPS and _writes(event, given, work):
                if seen[0] == step:
                    os.kill(os.getpid(), number)
                seen[0] += 1

        sys.addaudithook(watch)
        code = _command(arguments)
        Path(f"{work}.steps").write_text(str(seen[0]))
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def run(work: Path, arguments: list[str]) -> int:
    """The exit code of a command that nobody strikes."""
    return os.waitstatus_to_exitcode(os.waitpid(start(work, arguments), 0)[1])


def undisturbed(subject: Subject, work: Path) -> Undisturbed:
    """The command on a work of its own, to its end."""
    plant(work, subject.begun if not subject.earlier else ("nothing",))
    began = time.monotonic()
    assert run(work, list(subject.arguments)) == 0, Path(f"{work}.log").read_text()
    seconds = time.monotonic() - began
    steps = int(Path(f"{work}.steps").read_text())
    return Undisturbed(seconds, steps, fingerprint(work))


def strike(subject: Subject, work: Path, expected: Undisturbed, chance: random.Random) -> Strike:
    """One strike, everything looked at, the command typed again, and everything looked at again.

    Raises:
        AssertionError: something was lost, left behind, or came out otherwise.
    """
    before = fingerprint(work)
    earlier = fingerprint(work / subject.out) if subject.earlier else {}
    name, by, at = chance.choice(SIGNALS), chance.choice(["clock", "step"]), chance.random()
    number = int(getattr(signal, name))
    if by == "clock":
        child = start(work, list(subject.arguments))
        time.sleep(at * expected.seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
    else:
        child = start(work, list(subject.arguments), step=int(at * expected.steps), number=number)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = Strike(subject.name, name, by, round(at, 3), code)
    _check_strike(subject, found, work, before, earlier, expected)
    planted = plant(work, subject.begun)
    assert run(work, list(subject.arguments)) == 0 or _is_there(subject, work), _log(work)
    after = fingerprint(work)
    lost = [path for path in planted if path.read_text() != f"mine, in {_place(path, work)}"]
    assert not lost, f"{found}: changed {lost}"
    differs = [n for n, digest in expected.files.items() if after.get(n) != digest]
    assert not differs, f"{found}: came out otherwise: {differs}"
    assert not hidden(work), f"{found}: left behind {hidden(work)}"
    return found


def _check_strike(
    subject: Subject,
    found: Strike,
    work: Path,
    before: dict[str, str],
    earlier: dict[str, str],
    expected: Undisturbed,
) -> None:
    after = fingerprint(work)
    inside = f"{subject.out}/"
    for name, digest in before.items():
        if not name.startswith(inside) or name.endswith(MINE):
            assert after.get(name) == digest, f"{found}: lost {name}"
    if subject.earlier and not _recoverable(work, subject.out):
        for name in earlier:
            whole = f"{inside}{name}"
            known = {before.get(whole), expected.files.get(whole)}
            if name not in _TIMES and "--overwrite" not in subject.arguments:
                assert after.get(whole) in known, f"{found}: {whole} is neither old nor new"
        assert _is_whole(work / subject.out), f"{found}: {subject.out} is not whole"
    if found.exit >= 0 and found.signal != "SIGKILL":
        allowed = {0, 128 + int(getattr(signal, found.signal))}
        assert found.exit in allowed, f"{found}: {_log(work)}"
        left = [n for n in hidden(work) if not n.endswith(".unfinished")]
        assert not left, f"{found}: a signal that can be caught left {left}"


def _is_whole(folder: Path) -> bool:
    """Whether every file that the manifest lists, or that is coming, has a hash it may have."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, digest in manifest["outputs"].items():
        known = {digest, manifest.get("pending", {}).get(name)}
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() not in known:
            return False
    return True


def _recoverable(work: Path, out: str) -> bool:
    """Whether the earlier result was moved aside, to be moved back at the next start."""
    return not (work / out).exists() and any(work.glob(f".{out}.*.staging/old"))


def _is_there(subject: Subject, work: Path) -> bool:
    """Whether the command was struck after its result was whole, and says that it is there."""
    said = Path(f"{work}.log").read_text()
    return not subject.earlier and "exists already" in said and _is_whole(work / subject.out)


def fingerprint(folder: Path) -> dict[str, str]:
    """Hash of each file below a folder, but those that hold times or are under way."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in _TIMES and not _is_hidden(path, folder)
    }


def hidden(folder: Path) -> list[str]:
    """What is under way, or was left behind."""
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob(".*")
        if path.name != ".DS_Store" and not list(path.glob(MINE))
    ]


def _is_hidden(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return path.name != ".DS_Store" and any(part.startswith(".") for part in parts)


def _place(path: Path, work: Path) -> str:
    return path.parent.relative_to(work).as_posix()


def _writes(event: str, given: tuple[object, ...], work: Path) -> bool:
    path, flags = given[0], given[2] if event == "open" else os.O_WRONLY
    if not isinstance(path, str | bytes | Path) or not isinstance(flags, int):
        return False
    inside = str(Path(os.fsdecode(path)).absolute()).startswith(f"{work}{os.sep}")
    return inside and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _command(arguments: list[str]) -> int:
    from universality.cli.main import main

    try:
        main(arguments)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    return 1


def _log(work: Path) -> str:
    return Path(f"{work}.log").read_text()[-2000:]


def campaign(
    n_strikes: int, *, seed: int, place: Path, subjects: Sequence[Subject] = SUBJECTS
) -> Iterator[Strike]:
    """That many strikes, spread evenly over the commands, that met a process which still ran."""
    for name in _LOADED:
        importlib.import_module(name)
    chance = random.Random(seed)
    made = place / "inputs"
    made.mkdir(parents=True)
    make_inputs(made, lambda arguments: run(made, arguments))
    works, references = {}, {}
    for number, subject in enumerate(subjects):
        work = place / f"start{number}"
        make_work(subject, made, work, lambda arguments, work=work: run(work, arguments))
        works[subject.name] = work
        shutil.copytree(work, place / "work")
        references[subject.name] = undisturbed(subject, place / "work")
        _clear(place)
    struck = 0
    while struck < n_strikes:
        subject = subjects[struck % len(subjects)]
        shutil.copytree(works[subject.name], place / "work")
        found = strike(subject, place / "work", references[subject.name], chance)
        _clear(place)
        if found.exit != 0:
            struck += 1
            yield found


def _clear(place: Path) -> None:
    shutil.rmtree(place / "work")
    for name in ("work.log", "work.steps"):
        (place / name).unlink(missing_ok=True)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Run the campaign and write what was struck."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strikes", type=int, default=126)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(one.name for one in SUBJECTS))
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    chosen = [one for one in SUBJECTS if one.name in given.only.split(",")]
    strikes: list[Strike] = []
    with tempfile.TemporaryDirectory() as place:
        for found in campaign(
            given.strikes, seed=given.seed, place=Path(place).resolve(), subjects=chosen
        ):
            strikes.append(found)
            _say(f"{len(strikes):>4}  {found}")
            _write(given.out, strikes, seed=given.seed)


def _write(out: Path, strikes: Sequence[Strike], *, seed: int) -> None:
    """What was struck so far: all of it was looked at, and nothing was lost."""
    content = {
        "strikes": len(strikes),
        "lost": 0,
        "by_command": dict(Counter(one.subject for one in strikes)),
        "by_signal": dict(Counter(one.signal for one in strikes)),
        "seed": seed,
        "each": [asdict(one) for one in strikes],
    }
    out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
