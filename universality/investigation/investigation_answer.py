"""The answer to the five questions in sentences, each number beside what chance gives."""

from __future__ import annotations

from typing import Any

_ABOUT = {
    "here": "",
    "elsewhere": "Of another hook or model, ",
    "random weights": "Of a model with random weights, ",
}


def investigation_answer(summary: dict[str, Any]) -> list[str]:
    """What was found: one sentence for each question that could be asked, then what to know."""
    return [
        _fires(summary),
        *([f"Others say: {summary['explanation']}"] if summary["explanation"] else []),
        *(_proxy(one) for one in summary["proxies"]),
        *_effects(summary),
        *_pairs(summary),
        *summary["notes"],
    ]


def _fires(summary: dict[str, Any]) -> str:
    first = summary["subjects"][0]
    return (
        f"{first['run']} {first['latent']} fires on {first['n_fires']:,} of "
        f"{summary['activations']['n_tokens']:,} tokens ({first['frequency']:.2%}), at most "
        f"{first['largest']:.3g}."
    )


def _proxy(one: dict[str, Any]) -> str:
    return (
        f"{one['proxy']}: {_share(one['precision'])} of its firings are the proxy's, which "
        f"{one['base_rate']:.2%} of all tokens are; of the proxy's tokens it fires on "
        f"{_share(one['recall'])} (correlation {_number(one['correlation'])})."
    )


def _effects(summary: dict[str, Any]) -> list[str]:
    found = summary["effects"]
    if found is None:
        return []
    beside = (
        f"; {found['n_controls']} random latents of equal frequency and norm change it by "
        f"{_number(found['control_mean_size'])}, {found['n_controls_above']} of them by as much"
        if found["n_controls"]
        else ""
    )
    return [
        f"Without it the log-probability of the next token changes by "
        f"{_number(found['mean_size'])} on average over {found['n_positions']} positions "
        f"({_number(found['mean_direct_size'])} directly){beside}."
    ]


def _pairs(summary: dict[str, Any]) -> list[str]:
    by_pair: dict[tuple[str, int], list[str]] = {}
    for one in summary["universality"]:
        null = one["null_largest"]
        beside = "" if null is None else f" (chance at most {_number(null)})"
        said = f"{one['measure'].replace('_', ' ')} {_number(one['value'])}{beside}"
        by_pair.setdefault((one["run"], one["latent"]), []).append(said)
    reads = {one["run"]: one["reads"] for one in summary["subjects"]}
    found = [
        f"{_ABOUT[reads[run]]}{run} {latent}: {', '.join(said)}."
        for (run, latent), said in by_pair.items()
    ]
    return found + [f"{run}: no latent fires like it." for run in summary["not_found_in"]]


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
