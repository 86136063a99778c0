"""Checks on whether two runs are independent: seeds, and what a shared start leaves behind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Int64
from scipy.special import bdtrc

from universality.checks.check import Check, Status
from universality.checks.crosscoders import are_sides
from universality.checks.weights import equal_rows
from universality.dictionary import Dictionary

_CERTAIN = 1e-9
_SUSPECT = 1e-3
_SORTED = 0.3
_ENOUGH = 20


def check_equal_seeds(a: Dictionary, b: Dictionary) -> Check:
    """Whether the runs record the same seed, whatever their widths; the value is that seed.

    Many trainers draw rows one after the other, so that a wide run's start begins with a narrow
    one's.
    """
    seed_a, seed_b = a.key.seed, b.key.seed
    if seed_a is None or seed_b is None:
        return Check("equal_seeds", "skipped", None, "a run does not record its seed")
    if seed_a == seed_b:
        wider = "" if a.d_sae == b.d_sae else ", the narrower from the first rows of the wider"
        message = f"both runs record seed {seed_a}: they may have started from the same weights"
        message += wider
        return Check("equal_seeds", "warn", float(seed_a), message)
    return Check("equal_seeds", "ok", None, f"seeds {seed_a} and {seed_b}")


def check_used_seed(a: Dictionary, b: Dictionary) -> Check:
    """Whether the trainer is known to ignore the seed that it records."""
    recorded = [run for run in (a, b) if run.key.seed is not None]
    if not recorded:
        return Check("used_seed", "skipped", None, "no run records a seed")
    for run in recorded:
        if _ignores_seed(run):
            message = (
                f"{run.source.name}: dictionary_learning's JumpReLU trainer records a seed and "
                "never uses it"
            )
            return Check("used_seed", "warn", None, message)
    if a.key.hook_name != b.key.hook_name and all("sparsify" in r.source.format for r in (a, b)):
        message = "sparsify starts every hookpoint of a run from the same weights"
        return Check("used_seed", "warn", None, message)
    return Check("used_seed", "ok", None, "no trainer here is known to ignore its seed")


def check_shared_initialisation(
    a: Dictionary, b: Dictionary, *, partners: Mapping[str, Int64[np.ndarray, " d_sae_a"]]
) -> Check:
    """Whether the runs started from the same weights; the value is the share matched to itself.

    Independent runs assign latent i to latent i with probability 1/n: an exact binomial tail, over
    the latents that have a partner. Of runs of different widths the latents that both number are
    looked at, since the start of the wider may begin with that of the narrower. Rows equal bit for
    bit under the same index are what dead latents of a shared start look like. Latents sorted by
    frequency or nested (Matryoshka) raise the identity rate too; they also pull the other partners
    towards the same index, which a shared start does not, and the message says so.
    """
    if are_sides(a, b):
        message = "two sides of one crosscoder share their latents by training"
        return Check("shared_initialisation", "skipped", None, message)
    n_equal = int(_equal_latents(a, b))
    n_both = min(a.d_sae, b.d_sae)
    rates = (_identity(partner, n_both) for partner in partners.values())
    rate, p = max(rates, default=(0.0, 1.0))
    found = f"{rate:.1%} of latents are assigned to the latent of the same number (p = {p:.2g})"
    if n_equal:
        found += f", and {n_equal} weight rows are equal bit for bit"
    if not n_equal and p >= _SUSPECT:
        message = (
            f"latents keep no common order: {found}; that is all this looks at, and a start that "
            "was shared in another order cannot be seen"
        )
        return Check("shared_initialisation", "ok", rate, message)
    order = max(_order(partner) for partner in partners.values()) if partners else 0.0
    if not n_equal and (order > _SORTED or _nested(a) or _nested(b)):
        message = (
            f"{found}; but other partners follow the index too (rank correlation {order:.2f}), so "
            "latents sorted by frequency or nested (Matryoshka) may explain it"
        )
        return Check("shared_initialisation", "warn", rate, message)
    status: Status = "fail" if n_equal or p < _CERTAIN else "warn"
    message = f"the runs probably started from the same weights: {found}"
    return Check("shared_initialisation", status, rate, message)


def _equal_latents(a: Dictionary, b: Dictionary) -> int:
    """Latents of one number whose decoder or encoder row is the same, bit for bit, in both runs."""
    n = min(a.d_sae, b.d_sae)
    equal = torch.zeros(n, dtype=torch.bool, device=a.W_dec.device)
    for rows_a, rows_b in ((a.W_dec, b.W_dec), (a.W_enc, b.W_enc)):
        if rows_a is not None and rows_b is not None and rows_a.shape[1:] == rows_b.shape[1:]:
            equal = equal | equal_rows(rows_a[:n], rows_b[:n])
    return int(equal.sum())


def _identity(partner: Int64[np.ndarray, " d_sae"], n_both: int) -> tuple[float, float]:
    """Share of latents assigned to their own number, and the binomial tail of that many.

    Of those below `n_both`. The chance of each is at most one over the number of pairs.
    """
    n_pairs = int((partner >= 0).sum())
    n = int((partner[:n_both] >= 0).sum())
    count = int((partner == np.arange(partner.size)).sum())
    return (count / n, float(bdtrc(count - 1, n, 1 / n_pairs))) if n else (0.0, 1.0)


def _order(partner: Int64[np.ndarray, " d_sae"]) -> float:
    """Rank correlation of latent and partner numbers, identities left out."""
    number = np.arange(partner.size)
    elsewhere = (partner >= 0) & (partner != number)
    if elsewhere.sum() < _ENOUGH:
        return 0.0
    ranks = [latents[elsewhere].argsort().argsort() for latents in (number, partner)]
    return float(np.corrcoef(*ranks)[0, 1])


def _nested(run: Dictionary) -> bool:
    return "matryoshka" in str(run.source.config).lower()


def _ignores_seed(run: Dictionary) -> bool:
    trainer = str(run.source.config.get("trainer", run.source.config)).lower()
    return "dictionary_learning" in run.source.format and "jumprelu" in trainer
