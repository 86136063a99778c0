"""Which heavy libraries a command imports: what it does not use, nobody should wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_results import made_comparison
from universality.cli.main import _COMMANDS
from universality.publishing import publish

HEAVY = ("torch", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "transformers")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(made_comparison(), tmp_path_factory.mktemp("saved") / "result")


def imported_by(*arguments: str) -> set[str]:
    """The heavy modules that a command left in memory, in a process of its own."""
    probe = (
        "import sys; from universality.cli import main\n"
        "try: main(sys.argv[2:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(*(set(sys.argv[1].split(',')) & set(sys.modules)), file=sys.stderr)"
    )
    # By themselves, and what takes half a second within one that is needed anyway.
    names = ",".join((*HEAVY, "scipy.stats", "scipy.spatial", "scipy.optimize", "torch.export"))
    order = [sys.executable, "-c", probe, names, *arguments]
    done = subprocess.run(order, check=True, capture_output=True, text=True)
    return set(done.stderr.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    assert imported_by("--help") == set()


@pytest.mark.parametrize("command", ["compare", "train", "figures"])
def test_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    assert command in _COMMANDS
    assert imported_by(command, "--help") == set()


def test_a_saved_latent_needs_tables_alone(saved: Path) -> None:
    found = imported_by("latent", str(saved), "a:7")
    assert found <= {"numpy", "pandas", "pyarrow"}


def test_figures_need_what_draws_and_no_torch(saved: Path) -> None:
    found = imported_by("figures", str(saved), "--format", "svg")
    assert "matplotlib" in found
    assert not found & {"torch", "transformers", "scipy.stats"}


def test_a_report_needs_no_figures_and_no_torch(saved: Path) -> None:
    assert imported_by("report", str(saved)) <= {"numpy", "pandas", "pyarrow"}


def test_comparing_waits_for_no_figures_and_no_optimizer() -> None:
    """Of what `compare` imports before it begins; figures come when there is something to draw."""
    probe = (
        "import sys, universality.comparison, universality.publishing\n"
        "heavy = {'matplotlib', 'transformers', 'scipy.stats', 'scipy.optimize'}\n"
        "print(*(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
