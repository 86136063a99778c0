"""How much a run was trained, and whether that is enough to speak of its features.

The curve of the error cannot tell alone: a learning rate that decays flattens it wherever it stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any, final

from universality.checks.check import Check
from universality.dictionary import Dictionary

_DRIFT = 0.02
_PRESENTATIONS_PER_LATENT = 2_000
_DISTINCT_PER_LATENT = 200
_UNMOVED = 0.5
_ELSEWHERE = ("training_tokens", "total_training_tokens")


@final
@dataclass(frozen=True)
class Amount:
    """How much one run was trained, as far as its files say; None where they do not."""

    d_sae: int
    """Its latents."""
    n_presentations: int | None = None
    """Tokens shown, repetitions included."""
    n_distinct: int | None = None
    """Different tokens among them."""
    cosine_to_start: float | None = None
    """Mean cosine of the decoder rows with what they started from."""
    late_change: float | None = None
    """Fraction by which the FVU fell from the last but one tenth of training to the last."""

    @property
    def per_latent(self) -> float | None:
        """Tokens shown for each latent."""
        return None if self.n_presentations is None else self.n_presentations / self.d_sae

    def as_record(self) -> dict[str, Any] | None:
        """For the summary; None where nothing is known."""
        if self == Amount(self.d_sae):
            return None
        return {
            "n_presentations": self.n_presentations,
            "presentations_per_latent": self.per_latent,
            "n_distinct_tokens": self.n_distinct,
            "mean_cosine_to_start": self.cosine_to_start,
        }


def amount_of_training(run: Dictionary) -> Amount:
    """How much a run was trained, from its training record or its library's configuration."""
    record = run.source.config.get("training_record")
    if not isinstance(record, Mapping):
        shown = (run.source.config.get(key) for key in _ELSEWHERE)
        return Amount(run.d_sae, next((n for one in shown if (n := _whole(one))), None))
    cosine = record.get("mean_cosine_to_start")
    return Amount(
        run.d_sae,
        _whole(record.get("n_presentations")),
        _whole(record.get("n_unique_tokens")),
        float(cosine) if isinstance(cosine, int | float) else None,
        _late_change(record),
    )


def check_convergence(a: Dictionary, b: Dictionary) -> Check:
    """Whether a run was trained too little to compare; the value is the larger late change.

    Too little is fewer than 2,000 presentations or 200 distinct tokens a latent, decoder rows that
    still have a mean cosine above .5 with their start, or an FVU that fell by more than 2 % from
    the last but one tenth of training to the last.
    """
    amounts = [(run.source.name, amount_of_training(run)) for run in (a, b)]
    if all(amount.as_record() is None for _, amount in amounts):
        message = "nothing says how long the runs were trained, or whether they had converged"
        return Check("convergence", "skipped", None, message)
    changes = [one.late_change for _, one in amounts if one.late_change is not None]
    largest = max(changes, default=None)
    faults = [fault for name, amount in amounts for fault in _faults(name, amount)]
    if faults:
        message = f"{'; '.join(faults)}: far from converged, and agreement rises with training"
        return Check("convergence", "warn", largest, message)
    least = min((one.per_latent for _, one in amounts if one.per_latent is not None), default=None)
    shown = "" if least is None else f"at least {least:,.0f} presentations a latent"
    flat = "" if largest is None else f"the FVU fell by {largest:.1%} in the last tenth of training"
    message = ", and ".join(part for part in (shown, flat) if part)
    return Check("convergence", "ok", largest, message or "trained; nothing says how long")


def _faults(name: str, amount: Amount) -> list[str]:
    found = []
    per_latent, distinct = amount.per_latent, amount.n_distinct
    if per_latent is not None and per_latent < _PRESENTATIONS_PER_LATENT:
        found.append(f"{name} was shown {per_latent:,.0f} tokens a latent")
    if distinct is not None and distinct < _DISTINCT_PER_LATENT * amount.d_sae:
        found.append(
            f"{name} saw {distinct:,} distinct tokens, {distinct / amount.d_sae:,.0f} a latent"
        )
    if amount.cosine_to_start is not None and amount.cosine_to_start > _UNMOVED:
        found.append(
            f"the decoder rows of {name} still have a mean cosine of {amount.cosine_to_start:.2f} "
            "with their start"
        )
    if amount.late_change is not None and amount.late_change > _DRIFT:
        found.append(f"the FVU of {name} fell by {amount.late_change:.1%} in the last tenth")
    return found


def _late_change(record: Mapping[str, Any]) -> float | None:
    fvu: list[float] = [point["fvu"] for point in record.get("history") or ()]
    tenth = len(fvu) // 10
    if not tenth:
        return None
    before, last = mean(fvu[-2 * tenth : -tenth]), mean(fvu[-tenth:])
    return (before - last) / before


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None
