"""Checks on the runs themselves: what could void or explain a comparison."""

from universality.checks.all_checks import run_checks
from universality.checks.check import Check, Status

__all__ = ["Check", "Status", "run_checks"]
