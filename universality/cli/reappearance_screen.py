"""Chances to come back, and calibrations, as they are printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from universality.cli.wrapping import wrapped

if TYPE_CHECKING:
    from universality.reappearance.fitted_forecast import Calibration

_KNOWS = {"one_run": "from one run", "two_runs": "from two runs"}


def calibration_screen(made: Calibration, place: str) -> str:
    """How good a calibration is on each run that was left out, and where it lies."""
    lines = [
        f"{'tested on':<28}{'latents found':>14}{'AUC':>7}{'Brier (constant)':>18}{'error':>8}"
    ]
    for (rule, known), tests in made.tests.items():
        lines.append(f"{rule.replace('_', ' ')}, {_KNOWS[known]}")
        lines += [
            f"  {name[:26]:<26}{test.base_rate:>14.1%}{test.auc:>7.3f}"
            f"{f'{test.brier:.3f} ({test.brier_constant:.3f})':>18}{test.excess_error:>8.3f}"
            for name, test in tests.items()
        ]
    return "\n".join(
        [
            *lines,
            "error: of calibration, beyond what a perfect forecast shows by luck",
            f"tested: {made.how_tested}",
            *([made.note] if made.note else []),
            f"wrote {place}; give it as --calibration to compare and inspect",
        ]
    )


def forecast_lines(record: Mapping[str, Any]) -> list[str]:
    """One forecast: the mean chance and how good it is by rule, or why there is none."""
    made_by = f"{record['calibration']}, version {record['version']}"
    if not record["calibrated"]:
        return [f"not calibrated here ({made_by}): {'; '.join(record['reasons'])}"]
    rules = [
        f"{rule.replace('_', ' ')} {found['mean']:.1%} of latents"
        f" (AUC {found['auc']:.2f}, calibration error {max(0.0, found['excess_error']):.3f} beyond"
        " luck)"
        for rule, found in record["rules"].items()
    ]
    asked = f"at {record['threshold']:g} one more run has, {_KNOWS[record['known']]}"
    return [
        f"{asked}: {'; '.join(rules)}",
        f"by {made_by}",
    ]


def comparison_lines(summary: Mapping[str, Any]) -> list[str]:
    """The forecast for both of two runs: the mean chances, or the first reason against them."""
    found = summary.get("reappearance")
    if found is None:
        return []
    for side, record in found.items():
        if not record["calibrated"]:
            text = f"Chance to come back, {side}: not calibrated here: {record['reasons'][0]}"
            return wrapped(text)
    rules = [record["rules"]["decoder_and_encoder"] for record in found.values()]
    means = ", ".join(f"{rule['mean']:.1%}" for rule in rules)
    known = _KNOWS[next(iter(found.values()))["known"]]
    tested = f"AUC {rules[0]['auc']:.2f} where tested"
    return wrapped(f"Chance to come back, {known}: mean {means}; {tested}.")


def covariate_lines(record: Mapping[str, Any]) -> list[str]:
    """What a run says of its latents, beside the runs that the forecast was fitted to."""
    return [
        f"  {name:<24}{found['median']:>9.3g}  fitted on {found['fitted'][0]:.3g} to "
        f"{found['fitted'][1]:.3g}"
        for name, found in record.get("covariates", {}).items()
    ]


def further_run_lines(summary: Mapping[str, Any]) -> list[str]:
    """What many runs say of one run more, by the headline's rule."""
    rule, chances = summary["headline_rule"], summary.get("reappearance", {})
    census = summary.get("census", {}).get("rules", {}).get(rule)
    text = ""
    if "reason" in chances:
        text = f"No chance to come back: {chances['reason']}. "
    elif rule in chances.get("rules", {}):
        by_k = [f"{row['p_reappears']:.0%}" for row in chances["rules"][rule]["by_k"]]
        text = f"Found in 1 ... {len(by_k)} runs, one run more has it: {', '.join(by_k)}. "
    if census is not None:
        text += f"{census['n_runs']} runs hold {census['coverage']:.1%} of the latents of another."
    return wrapped(text)
