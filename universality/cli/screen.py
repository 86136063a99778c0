"""What the commands print of a comparison: numbers on a screen of 80 by 24, then what to beware."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from universality.cli.reappearance_screen import comparison_lines
from universality.cli.wrapping import loud_checks, wrapped
from universality.results.validity import validity_of, withdrawal

WIDTH = 80
"""Of the tables; sentences are as wide as the window."""
_STATISTICS = {
    "cross_validated_cca": "cross-validated CCA",
    "svcca": "SVCCA",
    "debiased_cka": "debiased CKA",
    "rsa": "RSA",
    "held_out_procrustes": "held-out Procrustes",
    "mutual_neighbours": "mutual neighbours",
}


def comparison_screen(summary: dict[str, Any], folder: Path) -> str:
    """The summary of a comparison: numbers, the answer, and every check that warns or fails, whole.

    Of a result that a failed check voids, the reason stands first.
    """
    reasons, last = withdrawn_lines(summary), summary["answer"][-1:]
    said = summary["answer"][1:2] if reasons else summary["answer"][:1] + last
    lines = [
        *reasons,
        *(line for side in ("a", "b") for line in _run(side, summary[side])),
        shown_in_training([summary[side] for side in ("a", "b")]),
        *_means(summary),
        "",
        *_shared(summary),
        *([] if reasons else _filters(summary)),
        "",
        *wrapped(" ".join(said)),
        *geometry_lines(summary),
        *_partial(summary),
        *_one_partner(summary),
        *_account(summary),
        *comparison_lines(summary),
        *_uncertified(summary["views"]),
        *_checks(summary),
        f"Report: {folder / 'report.html'}",
    ]
    return "\n".join(lines)


def geometry_lines(summary: dict[str, Any]) -> list[str]:
    """How alike pairs are arranged, each statistic beside its null; nothing where not asked."""
    found = summary.get("geometry")
    if found is None:
        return []
    views = list(dict.fromkeys(one["view"] for one in found["statistics"]))
    head = f"geometry of {found['n_pairs']:,} pairs"
    lines = ["", f"{head:<32}" + "".join(f"{view:>24}" for view in views)]
    for first, *others in _by_statistic(found["statistics"]):
        sized = "" if first["n_components"] is None else f", {first['n_components']}"
        label = f"{_STATISTICS.get(first['statistic'], first['statistic'])}{sized}"
        cells = (_beside_draws(one) for one in (first, *others))
        lines.append(f"{label:<32}" + "".join(f"{cell:>24}" for cell in cells))
    reasons = dict.fromkeys(one["undefined"] for one in found["statistics"] if one["undefined"])
    said = [line for reason in reasons for line in wrapped(f"  no value: {reason}", hanging=4)]
    paired = f"in brackets: mean of {found['n_draws']} draws paired anew by chance, p"
    return [*lines, *said, f"{'':<10}{paired}"]


def _by_statistic(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    names = dict.fromkeys(row["statistic"] for row in rows)
    return [[row for row in rows if row["statistic"] == name] for name in names]


def _beside_draws(one: dict[str, Any]) -> str:
    if one["value"] is None:
        return "-"
    if one["p_value"] is None:
        return f"{one['value']:.3f}"
    return f"{one['value']:.3f} ({one['null_mean']:.3f}, {one['p_value']:.3f})"


def withdrawn_lines(summary: dict[str, Any]) -> list[str]:
    """Why a failed check voids the result; nothing where it is valid."""
    return wrapped(withdrawal(summary))


def said_already(summary: dict[str, Any]) -> list[str]:
    """The check whose message stands first, where one voids the result."""
    return [reason["check"] for reason in validity_of(summary)["reasons"][:1]]


def shown_in_training(runs: Sequence[dict[str, Any]]) -> str:
    """How many tokens the runs were shown, in all and for each latent; empty where none says."""
    known = [run["training"] for run in runs if run.get("training")]
    known = [one for one in known if one["n_presentations"] is not None]
    if not known:
        return ""
    parts = [_range([one["n_presentations"] for one in known]) + " tokens"]
    parts.append(_range([one["presentations_per_latent"] for one in known]) + " a latent")
    distinct = [one["n_distinct_tokens"] for one in known]
    parts += [_range(distinct) + " distinct"] if None not in distinct else []
    silent = len(runs) - len(known)
    do = "does" if silent == 1 else "do"
    unknown = f"; {silent} of the {len(runs)} runs {do} not say" if silent else ""
    return f"   shown in training: {', '.join(parts)}{unknown}"


def _range(values: Sequence[float | int]) -> str:
    low, high = (_short_number(value) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _short_number(value: float | int) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:,.0f}"


def _run(side: str, run: dict[str, Any]) -> list[str]:
    alive = f"{run['n_alive']:,} alive ({run['alive_source']})"
    seed = "" if run["seed"] is None else f", seed {run['seed']}"
    line = f"{side}  {run['name']}: {run['d_sae']:,} latents, {alive}, {run['activation']}{seed}"
    return wrapped(line, hanging=3)


def _means(summary: dict[str, Any]) -> list[str]:
    null = summary["policy"]["null"]
    other = next((name for name in _nulls(summary) if name != null), None)
    lines = [f"{'mean similarity':<28}{'observed':>10}{null[:14]:>16}{(other or '')[:14]:>16}"]
    for view, found in summary["views"].items():
        for label, rule, values in (
            ("greedy a to b", "greedy_ab", found["greedy"]["a_to_b"]),
            ("one to one", "assignment", found["assignment"]),
        ):
            beside = ""
            if other in found["nulls"]:
                beside = f"{found['nulls'][other][f'{rule}.mean']['mean']:>16.4f}"
            elif null not in found["nulls"]:
                beside = f"  ({next(iter(found['nulls']))} null)"
            line = f"{view + ', ' + label:<28}{values['mean']:>10.4f}{values['null_mean']:>16.4f}"
            lines.append(line + beside)
    return lines


def _shared(summary: dict[str, Any]) -> list[str]:
    views = [key for key in summary["shared"][0] if key != "threshold"]
    width = min(20, (WIDTH - 12) // len(views))
    lines = [f"{'shared at, %':<12}" + "".join(f"{_short(view):>{width}}" for view in views)]
    wanted = {0.5, summary["policy"]["threshold"], 0.9}
    for row in summary["shared"]:
        if row["threshold"] in wanted:
            cells = (_beside(row[view]) for view in views)
            lines.append(f"{row['threshold']:<12g}" + "".join(f"{cell:>{width}}" for cell in cells))
    apart = "activations" in views and summary["policy"]["null"] != "tokens"
    tokens = " (activations: tokens)" if apart else ""
    null = f"{summary['policy']['null']} null{tokens}"
    return [*lines, f"{'':<10}in brackets: {null}; latents of one run"]


def _beside(found: dict[str, Any]) -> str:
    """A share in percent, beside its null and the larger of both runs' floors."""
    floors = [floor for floor in found["own_run"].values() if floor is not None]
    beside = [found["null"], *([max(floors)] if floors else [])]
    return f"{_percent(found['value'])} ({', '.join(map(_percent, beside))})"


def _percent(share: float) -> str:
    """In at most four characters."""
    return "100" if share >= 0.9995 else f"{100 * share:.1f}"


def _filters(summary: dict[str, Any]) -> list[str]:
    """How many latents of a are above chance, and closer to the other run than to their own."""
    views = [key for key in summary["shared"][0] if key != "threshold"]
    width = min(20, (WIDTH - 12) // len(views))
    lines = []
    for label, name in (("above chance", "above_chance"), ("nearer other", "nearer_than_own")):
        found = [summary["views"].get(view, {}).get("latents", {}).get("a", {}) for view in views]
        cells = ("" if one.get(name) is None else f"{one[name]:.1%}       " for one in found)
        lines.append((f"{label:<12}" + "".join(f"{cell:>{width}}" for cell in cells)).rstrip())
    return lines


def _partial(summary: dict[str, Any]) -> list[str]:
    """Who has a partner worth the price, by view, beside the null; only where it was asked for."""
    found = summary.get("partial", {})
    said = [
        f"{view} {_percent(one['fraction'])} ({_percent(one['null_fraction'])})"
        if one["n_pairs"]
        else f"{view} nothing is left"
        for view, one in found.items()
    ]
    price = summary["policy"]["threshold"]
    return wrapped(f"Worth a price of {price:g}, %: {', '.join(said)}.") if said else []


def _one_partner(summary: dict[str, Any]) -> list[str]:
    """How many latents of a have one effective partner, by view, beside the null; if asked for."""
    said = [
        f"{view} {_percent(one['a']['one_partner'])} ({_percent(one['a']['null_one_partner'])})"
        for view, one in summary.get("transport", {}).items()
    ]
    return wrapped(f"One effective partner, % of a: {', '.join(said)}.") if said else []


def _account(summary: dict[str, Any]) -> list[str]:
    """What becomes of every latent of a, by view; only where it was asked for."""
    lines = []
    for view, found in summary.get("account", {}).items():
        n = sum(found["a"].values())
        words = ", ".join(f"{word} {_percent(count / n)}" for word, count in found["a"].items())
        beside = f"{len(found['groups'])} groups, {found['groups_in_a_draw']:.2g} in a draw"
        span = _percent(found["subspace_in_a_draw"]["a"])
        lines += wrapped(f"Account of a by {view}, %: {words} ({beside}; subspace {span}).")
    return lines


def _uncertified(views: dict[str, Any]) -> list[str]:
    return [
        f"NOT CERTIFIED: the best {view} assignment may be better by {found['gap']:.3g} in total."
        for view, found in ((view, views[view]["assignment"]) for view in views)
        if not found["certified"]
    ]


def _checks(summary: dict[str, Any]) -> list[str]:
    checks = summary["checks"]
    if all(check["status"] not in ("warn", "fail") for check in checks):
        return [f"Checks: all {len(checks)} passed or not applicable."]
    return loud_checks(checks, without=said_already(summary))


def _nulls(summary: dict[str, Any]) -> list[str]:
    return list(next(iter(summary["views"].values()))["nulls"])


def _short(view: str) -> str:
    return view.replace("decoder_and_encoder", "both")
