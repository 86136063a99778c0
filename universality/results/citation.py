"""What was done to get a result, as a paragraph for a paper, and the papers behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from universality._version import __version__
from universality.results.validity import withdrawal

_ORDINARY = {"pearson": "Pearson correlation", "cosine": "cosine", "jaccard": "Jaccard index"}


def references() -> dict[str, dict[str, Any]]:
    """Every paper the package rests on, by key: authors, year, title, where."""
    text = (resources.files("universality") / "references.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def cite_comparison(summary: Mapping[str, Any]) -> str:
    """The methods paragraph of a comparison, and the papers behind what it ran."""
    policy, views = summary["policy"], list(summary["views"])
    nulls = _nulls(summary["views"].values())
    sentences = [
        *_withdrawn(summary),
        f"{_run(summary['a'])} and {_run(summary['b'])} were compared with universality "
        f"{__version__} by {_listed(views)}.",
        f"{_matched(policy)} Two latents count as the same from a similarity of "
        f"{policy['threshold']:g}.",
        _chance(nulls, policy.get("null_draws"), policy["seed"]),
    ]
    keys = ["bertsekas1988", "benjamini1995"]
    if {"decoder", "encoder"} <= set(views):
        sentences.append(
            "A latent is shared where decoder and encoder name the same partner and both cosines "
            "reach the threshold (Paulo and Belrose 2025)."
        )
        keys.append("paulo2025")
    if "activations" in summary:
        seen = summary["activations"]
        sentences.append(
            f"Firing was compared on {seen['n_tokens']:,} tokens of {seen['n_documents']:,} "
            f"documents by {_ORDINARY.get(seen['measure'], seen['measure'])}."
        )
    if "geometry" in nulls:
        keys += ["tyler1987", "wallace1959"]
    if summary.get("unmatched_span"):
        sentences.append(
            "The span of unmatched latents was looked at after Gerasimov et al. (2026)."
        )
        keys.append("gerasimov2026")
    sentences.append("P-values were adjusted by Benjamini and Hochberg (1995).")
    return _text(sentences, keys)


def cite_stability(summary: Mapping[str, Any]) -> str:
    """The methods paragraph of a study of many runs, and the papers behind what it ran."""
    policy, rules = summary["policy"], list(summary["families"])
    sentences = [
        *_withdrawn(summary),
        f"{len(summary['runs'])} runs were compared with universality {__version__} by "
        f"{_listed(rules)}.",
    ]
    keys = ["bertsekas1988"]
    if "threshold" in policy:
        sentences.append(
            f"{_matched(policy)} Matched latents with a similarity of at least "
            f"{policy['threshold']:g} are joined into families, and the spectrum is the share of "
            "latents found in k runs (Paulo and Belrose 2025); mean similarities are over all "
            "pairs of runs (Song et al. 2025)."
        )
        keys += ["paulo2025", "song2025"]
    if "null" in summary:
        sentences.append(f"Null: {summary['null']['description']}.")
        keys += ["tyler1987"] if "geometry" in summary["null"]["name"] else []
    if summary.get("jackknife"):
        sentences.append("Intervals are delete-one-run jackknife intervals.")
    if any(step["novel_known"] for step in summary.get("widths", [])):
        sentences.append("Novel latents of wider runs follow stitching (Leask et al. 2025).")
        keys.append("leask2025")
    return _text(sentences, keys)


def _withdrawn(summary: Mapping[str, Any]) -> list[str]:
    return [text] if (text := withdrawal(summary)) else []


def _run(about: Mapping[str, Any]) -> str:
    where = ", ".join(str(about[key]) for key in ("model_name", "hook_name") if about.get(key))
    return f"{about['name']} ({about['d_sae']:,} latents{f'; {where}' if where else ''})"


def _matched(policy: Mapping[str, Any]) -> str:
    signed = policy.get("signed", not policy.get("absolute", False))
    return (
        "Latents were matched one to one by the assignment with the largest total "
        f"{'similarity' if signed else 'absolute similarity'}, proven optimal by dual potentials."
    )


def _chance(nulls: Sequence[str], draws: Any, seed: int) -> str:
    often = f"{draws} draws of the first, seed {seed}" if draws else f"seed {seed}"
    return f"Every number stands beside that of unrelated runs ({_listed(nulls)}; {often})."


def _nulls(views: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for view in views for name in view.get("nulls", {})))


def _listed(words: Sequence[str]) -> str:
    spelled = [word.replace("_", " ") for word in words]
    return " and ".join([", ".join(spelled[:-1]), spelled[-1]] if len(spelled) > 1 else spelled)


def _text(sentences: Sequence[str], keys: Sequence[str]) -> str:
    known = references()
    cited = sorted(
        f"{one['authors']} ({one['year']}). {one['title']}. {one['where']}."
        for one in (known[key] for key in keys)
    )
    return "\n".join([" ".join(sentences), "", *cited])
