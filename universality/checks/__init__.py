"""Checks on the runs themselves: what could void or explain a comparison."""

from universality.checks.check import Check, Status
from universality.checks.runs import run_checks

__all__ = ["Check", "Status", "run_checks"]
