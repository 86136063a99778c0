"""Whether a result may be read as evidence: what its failed checks take away from it.

A check fails where what it found voids the comparison: one run under two names, a shared start, a
cache of another model. Numbers of such runs are true and no evidence of shared features, and every
output says the reason before any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

NO_EVIDENCE = "not evidence of shared features"
"""What the numbers of an invalid result are."""


def judge(checks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`valid`, and under `reasons` every failed check with its message, ready for a summary."""
    failed = [check for check in checks if check["status"] == "fail"]
    return {
        "valid": not failed,
        "reasons": [{"check": one["id"], "message": one["message"]} for one in failed],
    }


def validity_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary's validity; of a result from before there was one, what its checks say."""
    found: dict[str, Any] | None = summary.get("validity")
    return judge(summary.get("checks", ())) if found is None else found


def withdrawal(summary: Mapping[str, Any]) -> str:
    """The first reason as a sentence, and what the numbers are therefore; empty where valid."""
    reasons = validity_of(summary)["reasons"]
    if not reasons:
        return ""
    return f"{_sentence(reasons[0]['message'])} What follows is {NO_EVIDENCE}."


def withdrawn(summary: Mapping[str, Any], sentences: Iterable[str]) -> list[str]:
    """The sentences of an answer; of an invalid result after the reason, each saying what it is."""
    if not (reasons := validity_of(summary)["reasons"]):
        return list(sentences)
    marked = (f"{NO_EVIDENCE.capitalize()}: {text[:1].lower()}{text[1:]}" for text in sentences)
    return [_sentence(reasons[0]["message"]), *marked]


def answer_of(summary: Mapping[str, Any]) -> list[str]:
    """The answer of a comparison; of one from before there was a validity, judged by its checks."""
    said: list[str] = summary["answer"]
    return said if "validity" in summary else withdrawn(summary, said)


def _sentence(text: str) -> str:
    whole = f"{text[:1].upper()}{text[1:]}"
    return whole if whole.endswith(".") else f"{whole}."
