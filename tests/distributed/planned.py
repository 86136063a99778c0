"""Small runs on disk, the result of the plain command, and plans of the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tiny_study import make_study
from universality.comparison import Policy, compare
from universality.distributed.planning import plan_work
from universality.publishing import publish_made, publish_stability
from universality.runs.opening import open_runs
from universality.saving import save

POLICY = Policy(nulls=("isotropic", "untrained"), n_draws=2, min_firing=3)


@dataclass(frozen=True)
class Case:
    """A command, what it is called with, and the bytes of the plain result."""

    command: Any
    """`compare` or `stability`."""
    arguments: dict[str, Any]
    """Beside the policy."""
    plain: dict[str, str]
    """Hash of each file of the result but the manifest."""

    def plan(self, folder: Path, **choices: Any) -> Path:
        """A plan of it in a folder."""
        plan_work(self.command, self.arguments, folder, policy=POLICY, threads=1, **choices)
        return folder


def make_case(command: str, folder: Path) -> Case:
    """The tiny study: two of its runs, or all four, of two widths."""
    study = make_study(folder / "study")
    for run in study.runs:
        save(run, folder / run.source.name)
    runs = [str(folder / run.source.name) for run in study.runs]
    activations = [str(study.cache.path)]
    if command == "compare":
        given: dict[str, Any] = {"a": runs[0], "b": runs[1], "activations": activations}
        publish_made(lambda: compare(**given, policy=POLICY), folder / "plain")
    else:
        given = {"runs": runs, "activations": activations}
        publish_stability(open_runs(runs), folder / "plain", POLICY, activations=activations)
    return Case(command, given, bytes_of(folder / "plain"))


def bytes_of(folder: Path) -> dict[str, str]:
    """Hash of each file; of the manifest, of what does not tell the time or the command."""
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    kept = {key: manifest[key] for key in ("inputs", "outputs", "packages")}
    return found | {"manifest": json.dumps(kept, sort_keys=True)}
