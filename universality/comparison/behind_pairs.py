"""The tables behind the pairs of a comparison: texts, activations, logit weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from universality.activations.cache import ActivationCache
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.errors import InvalidInputError
from universality.evidence.held_out import pair_rows
from universality.evidence.logit_weights import logit_tops, logit_weights_of_pairs
from universality.evidence.pair_activations import activation_histograms, activations_of_pairs
from universality.evidence.pair_contexts import pair_contexts
from universality.models.unembedding import Unembedding, load_unembedding
from universality.runs.between.pair_findings import PairFindings
from universality.runs.between.surprise import SIDES, Side
from universality.runs.matched import MatchedPair
from universality.runs.opening import dictionary_of, is_coded
from universality.runs.run_set import RunSet
from universality.runs.views import ACTIVATIONS


def open_unembedding(
    given: Unembedding | str | Path | None,
    runs: Sequence[Dictionary | CodedRun],
    *,
    caches: Sequence[ActivationCache],
) -> Unembedding | None:
    """The unembedding, checked to be as wide as what all runs write; None where none was given.

    Raises:
        InvalidInputError: the runs are known by their codes alone, or their decoders, or the
            unembedding, differ in width.
        MissingFileError, FormatError, UnsupportedError: as `load_unembedding`.
    """
    if given is None:
        return None
    if is_coded(runs):
        raise InvalidInputError(
            "caches of latents hold codes and no weights: leave out --unembedding"
        )
    widths = list(dict.fromkeys(dictionary_of(run).d_out for run in runs))
    if len(widths) > 1:
        raise InvalidInputError(
            f"--unembedding is of one model, but the runs write in {widths[0]} and in {widths[1]} "
            "dimensions; leave it out"
        )
    if not isinstance(given, Unembedding):
        vocabulary = caches[0].vocabulary if caches else None
        return load_unembedding(given, d_in=widths[0], vocabulary=vocabulary)
    if given.weights.shape[1] != widths[0]:
        raise InvalidInputError(
            f"unembedding has rows of width {given.weights.shape[1]}, the runs write in "
            f"{widths[0]} dimensions"
        )
    return given


def evidence_of(
    pair: MatchedPair,
    between: PairFindings,
    latents: Mapping[Side, pd.DataFrame],
    unembedding: Unembedding | None,
) -> dict[str, pd.DataFrame]:
    """The tables behind the pairs, by name: of activations, and of logits, where they are known.

    `latents` are the tables of both runs.
    """
    found: dict[str, pd.DataFrame] = {}
    if pair.runs.compares_firing:
        found |= firing_evidence(pair.runs, between.pairs, latents=(latents["a"], latents["b"]))
        found |= {} if between.folds is None else {"held_out": pair_rows(between.folds)}
    if unembedding is not None:
        found |= logit_evidence(pair, between.pairs, unembedding=unembedding, latents=latents)
    return found


def firing_evidence(
    runs: RunSet,
    pairs: pd.DataFrame,
    *,
    latents: tuple[pd.DataFrame, pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """What the activations show of single latents and of assigned pairs, by name of the table.

    Texts are those of the pairs assigned by activations; a latent without a partner has its own
    beside those of the nearest latent. `latents` are the tables of both runs.
    """
    a, b = (part.recorded for part in runs.parts)
    assert a is not None
    assert b is not None
    own = pairs[pairs["view"] == ACTIVATIONS].sort_values("similarity", ascending=False)
    lonely = [
        found.set_axis(names, axis=1)
        for found, names in (
            (_without_partner(latents[0]), ["a", "b"]),
            (_without_partner(latents[1]), ["b", "a"]),
        )
    ]
    shown = pd.concat([own[["a", "b"]], *lonely], ignore_index=True)
    return {
        "evidence": pair_contexts(shown, a.codes, b.codes, rows=a.rows, cache=a.cache),
        "histograms": pd.concat(
            [activation_histograms(a.codes, "a"), activation_histograms(b.codes, "b")],
            ignore_index=True,
        ),
        "pair_activations": activations_of_pairs(assigned_pairs(pairs), a.codes, b.codes),
    }


def _without_partner(latents: pd.DataFrame) -> pd.DataFrame:
    """Latents that take part and have no partner, each with its nearest of the other run."""
    nearest = latents[f"nearest_{ACTIVATIONS}"]
    alone = (latents[f"partner_{ACTIVATIONS}"] < 0) & (nearest >= 0)
    return latents.loc[alone, ["latent", f"nearest_{ACTIVATIONS}"]]


def logit_evidence(
    pair: MatchedPair,
    pairs: pd.DataFrame,
    *,
    unembedding: Unembedding,
    latents: Mapping[Side, pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """What latents that take part write to the logits, alone and in pairs, by name of the table.

    `latents` are the tables of both runs. Costs one product of all directions with the vocabulary.
    """
    rows = {side: pair.sides(side)[0].dictionary.directions("decoder") for side in SIDES}
    tops = [
        logit_tops(
            rows[side],
            latents[side].loc[latents[side]["alive"], "latent"].tolist(),
            unembedding,
            side=side,
        )
        for side in SIDES
    ]
    shown = assigned_pairs(pairs)
    return {
        "logits": pd.concat(tops, ignore_index=True),
        "pair_logits": logit_weights_of_pairs(shown, rows["a"], rows["b"], unembedding=unembedding),
    }


def assigned_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Each pair that any view's assignment made once, from the most alike to the least."""
    ordered = pairs.sort_values("similarity", ascending=False, kind="stable")
    return ordered[["a", "b"]].drop_duplicates(ignore_index=True)
