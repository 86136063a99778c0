"""The answer in sentences, from the numbers of the summary alone."""

from __future__ import annotations

from typing import Any

_NOUNS = {"decoder": "decoder rows", "encoder": "encoder rows", "activations": "activations"}


def answer(summary: dict[str, Any]) -> list[str]:
    """What was found, in two or three sentences a reader can quote with their null."""
    return [*_shared(summary), *_means(summary), *_agreement(summary)]


def _shared(summary: dict[str, Any]) -> list[str]:
    threshold = summary["policy"]["threshold"]
    row = next(row for row in summary["shared"] if row["threshold"] == threshold)
    view = "decoder_and_encoder" if "decoder_and_encoder" in row else next(iter(summary["views"]))
    how = "in decoder and encoder" if view == "decoder_and_encoder" else f"in the {view}"
    n = min(summary["a"]["n_alive"], summary["b"]["n_alive"])
    return [
        f"{row[view]['value']:.1%} of the {n:,} possible pairs are the same latent {how} "
        f"(similarity at least {threshold:g}); the {summary['policy']['null']} null gives "
        f"{row[view]['null']:.1%}."
    ]


def _means(summary: dict[str, Any]) -> list[str]:
    sentences = []
    for view, found in summary["views"].items():
        assignment = found["assignment"]
        excess = assignment["mean"] - assignment["null_mean"]
        if assignment["null_sd"] > 0:
            distance = f"{abs(excess) / assignment['null_sd']:,.0f} sd of the null"
        else:
            distance = f"{abs(excess):.3f}"
        side = "above" if excess > 0 else "below"
        sentences.append(
            f"Matched one to one, {_NOUNS[view]} have mean similarity {assignment['mean']:.3f}; "
            f"unrelated runs have {assignment['null_mean']:.3f} ({distance} {side})."
        )
    return sentences


def _agreement(summary: dict[str, Any]) -> list[str]:
    sentences = []
    for name in ("decoder_encoder", "decoder_activations"):
        if name in summary["agreement"]:
            found = summary["agreement"][name]
            first, second = name.split("_")
            sentences.append(
                f"{first.capitalize()} and {second} name the same partner for "
                f"{found['value']:.1%} of the latents (null {found['null']:.1%})."
            )
    return sentences
