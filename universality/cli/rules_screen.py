"""What `universality rules` prints: one table, the reason first where a check voids it."""

from __future__ import annotations

import textwrap
from typing import Any

from universality.cli.screen import withdrawn_lines

_WIDTH = 80
_NAME, _QUANTITY, _NUMBER = 15, 31, 8


def rules_screen(summary: dict[str, Any]) -> str:
    """The rules of a summary as lines, each beside its null; then the floors."""
    names = ", ".join(run["name"] for run in summary["runs"])
    floors = [key for key in summary["rules"][0] if key.startswith("floor_")]
    null = summary["policy"]["null"]
    lines = [
        *withdrawn_lines(summary),
        textwrap.shorten(f"{len(summary['runs'])} runs: {names}", _WIDTH, placeholder=" …"),
        f"{'rule':<{_NAME}}{'quantity':<{_QUANTITY}}{'value':>{_NUMBER}}{'null':>{_NUMBER}}"
        f"{'sd':>{_NUMBER}}{''.join(f'  {_short(name)}' for name in floors)}",
        *(_line(row, floors) for row in summary["rules"]),
        f"null: {null}, {summary['policy']['n_draws']} draws (rules on firing: codes on other "
        "tokens;",
        "lan2024: shuffled pairs). Shares and means of different rules are no common scale.",
    ]
    return "\n".join(lines) + "\n"


def label_screen(content: dict[str, Any]) -> str:
    """The label of a release as lines: each run, then the rules."""
    rules = [
        row | {f"floor_{name}": value for name, value in row["floors"].items()}
        for row in content["rules"]
    ]
    lines = [
        f"{run['name']}: {run['d_sae']:,} latents, {run['dead']:.1%} dead, "
        f"{_share(run['duplicated'])} with a twin, FVU {_number(run['fvu'])}"
        for run in content["runs"]
    ]
    return "\n".join(lines) + "\n" + rules_screen(content | {"rules": rules})


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _line(row: dict[str, Any], floors: list[str]) -> str:
    name = f"{row['rule']:<{_NAME}}"
    if row["value"] is None:
        return f"{name}skipped: {row['reason_skipped']}"
    numbers = "".join(f"{_number(row[key]):>{_NUMBER}}" for key in ("value", "null_mean"))
    beside = "".join(f"  {_number(row[key]):>{len(_short(key))}}" for key in floors)
    spread = f"{_number(row['null_sd']):>{_NUMBER}}"
    return f"{name}{row['quantity'][: _QUANTITY - 1]:<{_QUANTITY}}{numbers}{spread}{beside}"


def _short(floor: str) -> str:
    return floor.removeprefix("floor_").replace("_decoder", "").replace("_", " ")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
