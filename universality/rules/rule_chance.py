"""What chance gives under a rule, from three numbers alone: no checkpoint is needed.

Runs of isotropic rows: unit rows uniform on the sphere, each latent's encoder at a given cosine to
its decoder. Of nearest latents mean, quantiles and shares are closed forms; the rest is drawn. Real
runs have a mean direction and a spectrum and reach more by chance: this is the least of nulls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from tqdm import tqdm

from universality.compute.devices import resolve_device
from universality.nulls.isotropic import exceedance, mean_of_maximum
from universality.nulls.rotation import rows_at_cosine, unit_rows
from universality.rules.compared_runs import ComparedRuns
from universality.rules.published import rules_named
from universality.rules.rule import PublishedRule
from universality.runs.views import Traits
from universality.validation import TEXT, Number, Several, takes

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the similarities of single latents."""
CHANCE_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Similarities at which the shares of latents are given."""
MOST_DRAWN = 1 << 29
"""Pairs of latents that are drawn; above, only closed forms are given."""

_ASSIGNED = {"song2025"}
_QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "mcs2023": (
        "mean largest cosine, a to b",
        "mean largest cosine, b to a",
    ),
    "husai2026": ("mean largest absolute cosine",),
    "gerasimov2026": ("mean stability", "stable share", "unstable share"),
}


@takes(
    rules=Several(TEXT),
    d=Number(2, whole=True),
    n_a=Number(2, whole=True),
    n_b=Number(2, whole=True),
    likeness=Number(-1, 1),
    n_draws=Number(2, whole=True),
    seed=Number(0, whole=True),
    device=TEXT,
)
def chance_by_rule(
    d: int,
    n_a: int,
    n_b: int,
    *,
    rules: Sequence[str] = ("all",),
    likeness: float = 0.5,
    n_draws: int = 3,
    seed: int = 0,
    device: str = "auto",
) -> list[dict[str, Any]]:
    """What rules give for two unrelated runs of n_a and n_b isotropic rows in d dimensions.

    One record per rule and quantity: `rule`, `quantity`, `d`, `n_a`, `n_b`, `mean` and `sd` over
    runs, `mean_is` (`exact` or `drawn`), and of single latents `quantiles` and `shares` at
    thresholds, where the rule is a mean of similarities. A rule that no three numbers decide has
    `reason_skipped` in their place.

    Args:
        d: Dimensions of the rows.
        n_a: Latents of the first run.
        n_b: Latents of the second.
        rules: Names or aliases, or `all`.
        likeness: Cosine of each latent's own encoder and decoder rows, on which agreement depends.
        n_draws: Pairs of runs that are drawn.
        seed: Of the draws.
        device: Where products are computed.

    Raises:
        InvalidInputError: an argument does not fit, or there is no such rule.
    """
    chosen = rules_named(rules)
    size = {"d": d, "n_a": n_a, "n_b": n_b}
    drawn = [rule for rule in chosen if not _reason(rule, n_a * n_b)]
    readings = _drawn(drawn, size, likeness, n_draws=n_draws, seed=seed, device=device)
    found = []
    for rule in chosen:
        if reason := _reason(rule, n_a * n_b):
            closed = _closed_alone(rule, size) if n_a * n_b > MOST_DRAWN else []
            found += closed or [{"rule": rule.name, **size, "reason_skipped": reason}]
        else:
            found += _records(rule, size, readings[rule.name])
    return found


def nearest_distribution(
    d: int, n: int, *, absolute: bool = False
) -> tuple[dict[str, float], dict[str, float]]:
    """Quantiles and shares of the largest similarity of a row to n independent ones: exact."""
    from scipy.optimize import brentq

    quantiles = {
        f"{q:g}": float(
            brentq(lambda s, q=q: 1 - q - float(exceedance(s, d, n, absolute=absolute)), -1, 1)
        )
        for q in QUANTILES
    }
    shares = exceedance(np.array(CHANCE_THRESHOLDS), d, n, absolute=absolute)
    return quantiles, {f"{t:g}": float(s) for t, s in zip(CHANCE_THRESHOLDS, shares, strict=True)}


def _reason(rule: PublishedRule, n_pairs: int) -> str:
    if not set(rule.needs) <= {"decoder", "encoder", "truth"}:
        return "its chance depends on what fires: universality rules RUN RUN --activations DIR"
    if n_pairs > MOST_DRAWN:
        return f"more than {MOST_DRAWN:,} pairs of latents are not drawn"
    return ""


def _drawn(
    rules: Sequence[PublishedRule],
    size: Mapping[str, int],
    likeness: float,
    *,
    n_draws: int,
    seed: int,
    device: str,
) -> dict[str, list[tuple[list[tuple[str, float]], Float64[np.ndarray, " n"]]]]:
    """By rule and draw, its readings and the similarities of assigned pairs, where it has them."""
    found: dict[str, list[Any]] = {rule.name: [] for rule in rules}
    seeds = np.random.SeedSequence(seed).generate_state(n_draws).tolist() if rules else []
    for one in tqdm(seeds, desc="null", leave=False, disable=None):
        generator = torch.Generator().manual_seed(one)
        runs = ComparedRuns(
            tuple(_run(n, size["d"], likeness, generator) for n in (size["n_a"], size["n_b"])),
            resolve_device(device),
        )
        for rule in rules:
            readings = [(reading.quantity, reading.value) for reading in rule.read(runs)]
            matched = rule.name in _ASSIGNED
            each = runs.matching(0, 1, "decoder").similarity if matched else np.zeros(0)
            found[rule.name].append((readings, each))
    return found


def _run(n: int, d: int, likeness: float, generator: torch.Generator) -> Traits:
    decoder = unit_rows(n, d, generator=generator)
    return Traits(
        {"decoder": decoder, "encoder": rows_at_cosine(decoder, likeness, generator=generator)}
    )


def _records(rule: PublishedRule, size: dict[str, int], draws: list[Any]) -> list[dict[str, Any]]:
    closed = _closed(rule, size)
    records = []
    for number, (quantity, _) in enumerate(draws[0][0]):
        values = [readings[number][1] for readings, _ in draws]
        exact = closed[number] if number < len(closed) else None
        record = {
            "rule": rule.name,
            "quantity": quantity,
            **size,
            "mean": float(np.mean(values)) if exact is None else exact["mean"],
            "sd": float(np.std(values, ddof=1)),
            "mean_is": "drawn" if exact is None else "exact",
        }
        each = np.concatenate([similarity for _, similarity in draws])
        if exact is not None and "quantiles" in exact:
            record |= {"quantiles": exact["quantiles"], "shares": exact["shares"]}
        elif each.size:
            record |= _of_each(each)
        records.append(record)
    return records


def _of_each(similarity: Float64[np.ndarray, " n"]) -> dict[str, Any]:
    values = np.quantile(similarity, QUANTILES)
    return {
        "quantiles": {f"{q:g}": float(v) for q, v in zip(QUANTILES, values, strict=True)},
        "shares": {f"{t:g}": float((similarity >= t).mean()) for t in CHANCE_THRESHOLDS},
    }


def _closed(rule: PublishedRule, size: Mapping[str, int]) -> list[dict[str, Any]]:
    """What closed forms give for the quantities of a rule; nothing for rules that have none."""
    d, n_a, n_b = size["d"], size["n_a"], size["n_b"]
    match rule.name:
        case "mcs2023":
            return [_nearest(d, n_b), _nearest(d, n_a)]
        case "husai2026":
            to_b, to_a = (mean_of_maximum(d, n, absolute=True) for n in (n_b, n_a))
            both = {"mean": (to_b + to_a) / 2}
            return [both | _nearest(d, n_b, absolute=True) | both] if n_a == n_b else [both]
        case "gerasimov2026":
            shares = [float(exceedance(0.7, d, n)) for n in (n_b, n_a)]
            found = float(np.mean(shares))
            return [{"mean": found}, {"mean": found}, {"mean": 1 - found}]
        case _:
            return []


def _nearest(d: int, n: int, *, absolute: bool = False) -> dict[str, Any]:
    quantiles, shares = nearest_distribution(d, n, absolute=absolute)
    mean = mean_of_maximum(d, n, absolute=absolute)
    return {"mean": mean, "quantiles": quantiles, "shares": shares}


def _closed_alone(rule: PublishedRule, size: dict[str, int]) -> list[dict[str, Any]]:
    """Records of what closed forms give where nothing is drawn, in the order of the quantities."""
    names = _QUANTITIES.get(rule.name, ())
    return [
        {"rule": rule.name, "quantity": name, **size, **one, "sd": None, "mean_is": "exact"}
        for name, one in zip(names, _closed(rule, size), strict=False)
    ]
