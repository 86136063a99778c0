"""The label of a release: its runs, what published rules say of them, and what is wrong in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from universality._version import __version__
from universality.activations.cache import ActivationCache, read_activations
from universality.checks.about_run import about_run
from universality.compute.devices import resolve_device
from universality.errors import UnsupportedError
from universality.matching import find_candidates
from universality.results.release_label import LABEL_SCHEMA, Label
from universality.rules.applied import RulesApplied
from universality.runs.part import RunPart
from universality.runs.run_set import RunSet
from universality.similarity import Cosine, Others
from universality.training.evaluation import evaluate
from universality.validation import Is, takes

TWIN = 0.99
"""Cosine with another decoder row of the same run from which a latent is a duplicate."""
MOST_EVALUATED = 16_384
"""Tokens of a cache on which reconstruction is measured, spread evenly over it."""
_TOKENS_PER_STEP = 2048


@takes(applied=Is((RulesApplied,), "what `apply_rules` gives"))
def label(applied: RulesApplied) -> Label:
    """What a release of two runs or more is, and how much of it comes back by every rule.

    Of each run also the share of dead latents (that take no part, by the policy's rule), of latents
    with a twin in their own run (decoder cosine .99 or more), and with activations the fraction of
    variance unexplained.

    Raises:
        InvalidInputError: this is no result of `apply_rules`.
    """
    found, runs = applied.summary, applied.runs
    device = resolve_device(applied.policy.device)
    content = {
        "schema": LABEL_SCHEMA,
        "universality": __version__,
        "validity": found["validity"],
        "runs": [about_run(part) | _health(part, device) for part in runs.parts],
        "tokens": _tokens(runs),
        "policy": found["policy"],
        "floors": found["floors"],
        "rules": [_row(row, runs) for row in found["rules"]],
        "checks": found["checks"],
    }
    return Label(content)


def _row(row: dict[str, Any], runs: RunSet) -> dict[str, Any]:
    """A rule's row with its floors together, and the tokens that its numbers stand on."""
    floors = {
        key.removeprefix("floor_"): value for key, value in row.items() if key.startswith("floor_")
    }
    firing = "activations" in row["needs"] and row["value"] is not None
    plain = {key: value for key, value in row.items() if not key.startswith("floor_")}
    return plain | {
        "floors": floors,
        "n_tokens": len(runs.table) if firing and runs.table is not None else None,
    }


def _tokens(runs: RunSet) -> dict[str, Any] | None:
    if runs.table is None:
        return None
    caches = {part.recorded.cache.meta.sha256 for part in runs.parts if part.recorded is not None}
    return {
        "n_tokens": len(runs.table),
        "n_documents": runs.n_documents,
        "caches": sorted(caches),
    }


def _health(part: RunPart, device: torch.device) -> dict[str, Any]:
    return {
        "dead": 1 - part.alive.n_alive / part.dictionary.d_sae,
        "duplicated": _duplicated(part, device),
        **_reconstruction(part),
    }


def _duplicated(part: RunPart, device: torch.device) -> float | None:
    """Share of the latents that take part with a twin in the run; None without rows."""
    if not part.dictionary.views or part.alive.n_alive < 2:
        return None
    rows = part.dictionary.directions("decoder")[part.alive.mask]
    within = Others(Cosine.between(rows, rows, device=device))
    nearest = find_candidates(within, k=1, progress=False).of_a.nearest_similarity
    return float(np.mean(nearest >= TWIN))


def _reconstruction(part: RunPart) -> dict[str, Any]:
    """Fraction of variance unexplained and active latents per token; null where nobody knows."""
    run, unknown = part.dictionary, {"fvu": None, "l0": None, "n_evaluated": None}
    if part.recorded is None or not run.views or run.d_out != run.d_in:
        return unknown
    try:
        found = evaluate(run, _batches(part.recorded.cache))
    except UnsupportedError:
        return unknown
    return {"fvu": found.fvu, "l0": found.l0, "n_evaluated": found.n_tokens}


def _batches(cache: ActivationCache) -> list[torch.Tensor]:
    n_tokens = min(len(cache), MOST_EVALUATED)
    rows = torch.arange(n_tokens) * len(cache) // n_tokens
    return [read_activations(cache, part) for part in torch.split(rows, _TOKENS_PER_STEP)]
