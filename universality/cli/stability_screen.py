"""What `universality stability` prints: numbers on a screen of 80 by 24, then what to beware."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from universality.cli.reappearance_screen import further_run_lines
from universality.cli.screen import said_already, shown_in_training, withdrawn_lines
from universality.cli.wrapping import loud_checks, wrapped

_FEW_RUNS = 3
_MOST_STEPS = 2
_MOST_OUTLIERS = 2


def stability_screen(summary: dict[str, Any], folder: Path) -> str:
    """The summary of many runs: numbers, and every check that warns or fails, whole."""
    return "\n".join(
        [
            *withdrawn_lines(summary),
            *_runs(summary),
            *_dependent(summary),
            shown_in_training(summary["runs"]),
            *_families(summary),
            *_widths(summary.get("widths", [])),
            "",
            *_agreement(summary),
            *_only_in_one(summary),
            *further_run_lines(summary),
            *_outliers(summary),
            *_checks(summary),
            f"Report: {folder / 'report.html'}",
        ]
    )


def _runs(summary: dict[str, Any]) -> list[str]:
    missing = summary["missing_pairs"]
    names = ", ".join(run["name"] for run in summary["runs"] if run.get("in_families", True))
    lines = wrapped(f"{summary['n_runs']} runs: {names}", hanging=3)
    n_pairs = len({(pair["a"], pair["b"]) for pair in summary["pairs"]})
    lines.append(f"{n_pairs} pairs matched, null: {summary['null']['name']}")
    if missing:
        lines += wrapped(f"missing: {', '.join(missing)}", hanging=3)
    return lines


def _dependent(summary: dict[str, Any]) -> list[str]:
    """Who was left out because it depends on another, and what the headline is with it."""
    found = summary.get("dependent")
    if found is None:
        return []
    names = ", ".join(f"{one['run']} (with {one['depends_on']})" for one in found["left_out"])
    rule = summary["headline_rule"]
    without, with_them = (
        f"{found[key]['in_all_runs_fraction'][rule]:.1%}" for key in ("without", "with")
    )
    text = f"Left out, not independent: {names}. In all runs {without} without, {with_them} with."
    return wrapped(text)


def _families(summary: dict[str, Any]) -> list[str]:
    head = f"{'strict families by':<20}{'number':>8}{'in all runs':>13}{'with soft':>11}"
    lines = [head + f"{'cycles':>10}{'null':>8}{'covered':>9}"]
    for rule, found in summary["families"].items():
        cycles = summary["cycle_consistency"][rule]
        lines.append(
            f"{rule:<20}{found['n']:>8,}{found['in_all_runs_fraction']:>13.1%}"
            f"{found['with_soft']['in_all_runs_fraction']:>11.1%}"
            f"{_share(cycles.get('mean')):>10}{_share(cycles.get('null')):>8}"
            f"{_share(cycles.get('coverage')):>9}"
        )
    return lines


def _widths(steps: list[dict[str, Any]]) -> list[str]:
    lines = [""] if steps else []
    for step in steps[:_MOST_STEPS]:
        narrow = ", ".join(
            f"{n / step['n_narrow']:.0%} {grade}"
            + (f" (null {step['null_split_fraction']:.0%})" if grade == "split" else "")
            for grade, n in step["narrow_grades"].items()
        )
        novel = step["wide_grades"].get("novel", 0) / step["n_wide"]
        wide = f"; {novel:.0%} of the wider novel" if step["novel_known"] else ""
        seeds = step.get("seeds", [None, None])
        same = " (of one seed)" if seeds[0] is not None and seeds[0] == seeds[1] else ""
        pair = f"{step['narrow']} in {step['wide']}{same}"
        lines += wrapped(f"{pair}: {narrow}{wide}", hanging=3)
    more = len(steps) - _MOST_STEPS
    words = "step" if more == 1 else "steps"
    return lines + ([f"and {more} more {words} of the ladder"] if more > 0 else [])


def _agreement(summary: dict[str, Any]) -> list[str]:
    found = summary["agreement"].get("decoder_encoder")
    if found is None:
        return []
    interval = summary["jackknife"].get("agreement.decoder_encoder")
    sure = f" (95 %: {interval['low']:.1%} to {interval['high']:.1%}" if interval else ""
    few = f", wide with {summary['n_runs']} runs" if summary["n_runs"] == _FEW_RUNS else ""
    text = f"Decoder and encoder agree for {found['mean']:.1%} of latents"
    text += f"{sure}{few})" if sure else ""
    return wrapped(f"{text}; null {_share(found.get('null'))}.")


def _only_in_one(summary: dict[str, Any]) -> list[str]:
    known = [row for row in summary["only_in_one"] if "fraction" in row]
    if not known:
        return []
    first, last = known[0], known[-1]
    text = f"Found in no other run: {first['fraction']:.1%} of a run's latents with 2 runs"
    if last is not first:
        text += f", {last['fraction']:.1%} with {last['n_runs']}"
    rule = summary["headline_rule"].replace("_", " ")
    threshold = summary["policy"].get("threshold")
    at = "no threshold" if threshold is None else f"similarity at least {threshold:g}"
    return wrapped(f"{text} ({rule}, {at}).")


def _outliers(summary: dict[str, Any]) -> list[str]:
    loud = {key: one for key, one in summary["outlying_run"].items() if one["p_value"] < 0.05}
    return [
        f"{one['run']} stands out in {key.replace('_', ' of the ')} "
        f"({one['difference']:+.4f}, p = {one['p_value']:.2g})."
        for key, one in list(loud.items())[:_MOST_OUTLIERS]
    ]


def _checks(summary: dict[str, Any]) -> list[str]:
    return loud_checks(summary.get("checks", []), without=said_already(summary))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
