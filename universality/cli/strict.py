"""Exit codes of what was done and found wanting: nothing to repair, but not what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from universality.cli.terminal import complain

NOT_MET = 3
"""A check failed under `--strict`, or a requirement is not met; 2 is for what cannot be done."""


def leave_if_a_check_failed(summary: Mapping[str, Any]) -> None:
    """Leave with exit code 3, naming the checks, where any of a result failed; warnings do not."""
    from universality.results import judge

    failed = [reason["check"] for reason in judge(summary.get("checks", ()))["reasons"]]
    if failed:
        complain(f"--strict: failed: {', '.join(failed)}")
        click.get_current_context().exit(NOT_MET)
