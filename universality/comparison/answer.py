"""The answer in sentences, from the numbers of the summary alone."""

from __future__ import annotations

import math
from typing import Any

from universality.results import withdrawn

_NOUNS = {"decoder": "decoder rows", "encoder": "encoder rows", "activations": "activations"}

_HOW = {
    "decoder_and_encoder": "decoder and encoder",
    "decoder": "the decoder",
    "encoder": "the encoder",
    "activations": "activations",
}


def answer(summary: dict[str, Any]) -> list[str]:
    """What was found, in sentences that a reader can quote with their null and floor.

    Of a result that a failed check voids, the reason comes first.
    """
    return withdrawn(
        summary,
        [
            *_shared(summary),
            *_means(summary),
            *_account(summary),
            *_agreement(summary),
            *_effects(summary),
        ],
    )


def _shared(summary: dict[str, Any]) -> list[str]:
    """How many have a partner: in decoder and encoder, or the first view; and when they fire."""
    threshold = summary["policy"]["threshold"]
    row = next(row for row in summary["shared"] if row["threshold"] == threshold)
    first = "decoder_and_encoder" if "decoder_and_encoder" in row else next(iter(summary["views"]))
    n = min(summary["a"]["n_alive"], summary["b"]["n_alive"])
    said = [
        f"Of {n:,} latents {row[first]['value']:.1%} have a partner at {threshold:g} or more in "
        f"{_HOW[first]}; {_beside(summary, row, first)}."
    ]
    if "activations" in row and first != "activations":
        said.append(
            f"When they fire, {row['activations']['value']:.1%} have one; "
            f"{_beside(summary, row, 'activations')}."
        )
    return said


def _effects(summary: dict[str, Any]) -> list[str]:
    """Whether pairs that look the same do the same, where that was measured."""
    found = summary.get("effects")
    if found is None or found["matched_mean"] is None:
        return []
    random = found["random_mean"]
    beside = "" if random is None else f"; random pairs of equal frequency {random:.3f}"
    return [
        f"Taken away from {found['model']}, the latents of {found['n_pairs']} sampled pairs change "
        f"its next tokens with a mean correlation of {found['matched_mean']:.3f}{beside}."
    ]


def _beside(summary: dict[str, Any], row: dict[str, Any], view: str) -> str:
    null = next(iter(row[view]["nulls"]))
    floors = [floor for floor in row[view]["own_run"].values() if floor is not None]
    own = f", different latents of one run {max(floors):.1%}" if floors else ""
    return f"the {null} null gives {row[view]['null']:.1%}{own}"


def _means(summary: dict[str, Any]) -> list[str]:
    sentences = []
    for view, found in summary["views"].items():
        assignment = found["assignment"]
        n_draws = next(iter(found["nulls"].values()))["n_draws"]
        sentences.append(
            f"Matched one to one, {_NOUNS[view]} have mean similarity {assignment['mean']:.3f}; "
            f"unrelated runs have {assignment['null_mean']:.3f} ({_distance(assignment, n_draws)}; "
            f"normalised excess {assignment['normalised_excess']:.2f})."
        )
    return sentences


def _account(summary: dict[str, Any]) -> list[str]:
    """What becomes of every latent of a, by view of directions, where that was asked for."""
    said = []
    for view, found in summary.get("account", {}).items():
        n = sum(found["a"].values())
        share = {word: f"{count / n:.1%}" for word, count in found["a"].items()}
        span = found["subspace_in_a_draw"]["a"]
        said.append(
            f"By {view}, of all {n:,} latents of a {share['same']} are the same, {share['group']} "
            f"the same within {len(found['groups'])} groups (unrelated runs have "
            f"{found['groups_in_a_draw']:.2g}), {share['subspace']} in the same subspace "
            f"({span:.1%} when b is turned), {share['similar']} above chance, {share['none']} "
            f"found nowhere, {share['rare']} rare and {share['dead']} dead."
        )
    return said


def _distance(found: dict[str, float], n_draws: int) -> str:
    """Where a mean lies among the draws: no draw is farther from their mean than Samuelson says."""
    farthest = (n_draws - 1) / math.sqrt(n_draws) * found["null_sd"]
    excess = found["mean"] - found["null_mean"]
    if abs(excess) <= farthest:
        return f"among its {n_draws} draws or near them"
    return f"{'above' if excess > 0 else 'below'} every one of {n_draws} draws"


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
