"""What each run of a study is, and what could void or explain what is found among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from universality.activations.row_screen import about_rows
from universality.checks.about_run import check_records
from universality.checks.check import Check
from universality.runs.run_set import RunSet

_ORDER = ("fail", "warn", "ok", "skipped")


def about_caches(runs: RunSet) -> dict[str, Any]:
    """The caches that the runs were encoded on, each once; nothing without activations."""
    recorded = [part.recorded for part in runs.parts if part.recorded is not None]
    of_caches = {one.cache.meta.sha256: one for one in recorded}
    about = [
        {
            "hook_name": one.cache.meta.hook_name,
            "model_name": one.cache.meta.model_name,
            "n_tokens": len(one.cache),
            "share_in_common": one.share_in_common,
            "sha256": sha256,
            "rows": about_rows(one.cache),
        }
        for sha256, one in of_caches.items()
    ]
    return {"activations": about} if about else {}


def check_runs(checks: Mapping[str, Sequence[Check]]) -> list[dict[str, Any]]:
    """Every check of two runs over all pairs, by what the pair is called.

    The worst finding of each check, and where. Skipped only where every pair skips it.
    """
    found: dict[str, list[tuple[str, Check]]] = {}
    for pair, some in checks.items():
        for check in some:
            found.setdefault(check.id, []).append((pair, check))
    return check_records([_worst(some) for some in found.values()])


def _worst(checks: list[tuple[str, Check]]) -> Check:
    pair, worst = min(checks, key=lambda one: _ORDER.index(one[1].status))
    alike = sum(check.status == worst.status for _, check in checks)
    where = f"{pair}" if alike == 1 else f"{pair}, and {alike - 1} more of {len(checks)} pairs"
    message = worst.message
    if worst.status == "ok" and alike < len(checks):
        message += f" ({alike} of {len(checks)} pairs; skipped for the others)"
    elif worst.status != "ok" and len(checks) > 1:
        message = f"{where}: {message}"
    return replace(worst, message=message)
