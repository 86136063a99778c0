"""What `compare --quick` prints: the numbers of a quick look, on one screen."""

from __future__ import annotations

from typing import Any

from universality.cli.screen import said_already, withdrawn_lines
from universality.cli.wrapping import loud_checks, wrapped


def quick_screen(summary: dict[str, Any]) -> str:
    """Means and shares beside the null that stands in, the answer, and what checks say.

    Of a result that a failed check voids, the reason stands first.
    """
    reasons = withdrawn_lines(summary)
    said = summary["answer"][1:] if reasons else summary["answer"]
    runs = (f"{side}  {summary[side]['name']}: {_width(summary[side])}" for side in ("a", "b"))
    lines = [
        *reasons,
        *runs,
        *_means(summary),
        "",
        *_shared(summary),
        "",
        *(line for sentence in said for line in wrapped(sentence)),
        *_uncertified(summary),
        *loud_checks(summary["checks"], without=said_already(summary)),
        "Nothing was written; without --quick this is a result with report and figures.",
    ]
    return "\n".join(lines)


def _width(run: dict[str, Any]) -> str:
    return f"{run['d_sae']:,} latents, {run['n_alive']:,} alive ({run['alive_source']})"


def _means(summary: dict[str, Any]) -> list[str]:
    null = summary["policy"]["null"]
    lines = [f"{'mean similarity':<28}{'observed':>10}{null:>16}"]
    for view, found in summary["views"].items():
        near, one_to_one = found["greedy"]["a_to_b"], found["assignment"]
        lines += [
            f"{view + ', greedy a to b':<28}{near['mean']:>10.4f}{near['null_mean']:>16.4f}",
            f"{view + ', one to one':<28}{one_to_one['mean']:>10.4f}"
            f"{'at most ' + format(one_to_one['null_at_most'], '.4f'):>16}",
        ]
    return lines


def _shared(summary: dict[str, Any]) -> list[str]:
    views = [key for key in summary["shared"][0] if key != "threshold"]
    heads = (view.replace("decoder_and_encoder", "both") for view in views)
    lines = [f"{'shared at, %':<12}" + "".join(f"{head:>20}" for head in heads)]
    wanted = {0.5, summary["policy"]["threshold"], 0.9}
    for row in summary["shared"]:
        if row["threshold"] in wanted:
            cells = (
                f"{100 * row[view]['value']:.1f} (at most {100 * row[view]['null_at_most']:.1f})"
                for view in views
            )
            lines.append(f"{row['threshold']:<12g}" + "".join(f"{cell:>20}" for cell in cells))
    return [*lines, f"{'':<10}in brackets: {summary['policy']['null']} null"]


def _uncertified(summary: dict[str, Any]) -> list[str]:
    return [
        f"NOT CERTIFIED: the best {view} assignment may be better by "
        f"{found['assignment']['gap']:.3g} in total."
        for view, found in summary["views"].items()
        if not found["assignment"]["certified"]
    ]
