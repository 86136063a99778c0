"""Each question asked of the latent and its counterparts, and the tables that answer it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, final

import pandas as pd
from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import describe_activation
from universality.investigation.asked import Asked
from universality.investigation.effect_question import effect_headline, effect_question
from universality.investigation.latent_tables import (
    Shown,
    contexts_table,
    groups_table,
    histogram_table,
    logits_table,
    proxy_tables,
)
from universality.investigation.likeness import counterpart_of, logit_weights_of
from universality.investigation.neuron_question import HOOK_NEURONS, Neurons, neuron_question
from universality.investigation.pair_question import pair_question
from universality.investigation.subjects import CodedOver, Subject, subject_of
from universality.investigation.vocabulary_rows import vocabulary_rows
from universality.loading import weights_hash
from universality.models.unembedding import token_strings


@final
@dataclass(frozen=True, eq=False)
class Answered:
    """What was found."""

    summary: dict[str, Any]
    """Headline numbers."""
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    """By the field of `Investigation`."""


def asked_tables(asked: Asked) -> Answered:
    """The answers to all questions that can be asked."""
    partners = [_partner(asked, over, known) for over, known in asked.others]
    subjects = [asked.subject, *(one for one in partners if one is not None)]
    here = [one for one in subjects if one.over.reads == "here"]
    neurons = neuron_question(asked, here)
    shown = [Shown(one.over.name, one.latent, one.trace) for one in subjects]
    shown += [Shown(HOOK_NEURONS, *found) for found in neurons.traces.items()]
    tables = {
        "histogram": histogram_table(shown, asked.corpus),
        "groups": groups_table(shown),
        "contexts": contexts_table(shown, asked.scored, asked.corpus, seed=asked.plan.seed),
    }
    if asked.scored:
        tables |= proxy_tables(shown, asked.scored)
    if neurons.table is not None:
        tables["neurons"] = neurons.table
    if asked.at is not None:
        rows = vocabulary_rows(asked.at, asked.subject.over.run.d_out)
        tables |= _logits(asked, here, rows, neurons)
        tables |= effect_question(asked, here)
    if len(subjects) > 1 and asked.subject.kind != "dead":
        tables |= pair_question(asked, subjects[1:])
    return Answered(_summary(asked, subjects, neurons, tables), tables)


def _summary(
    asked: Asked, subjects: list[Subject], neurons: Neurons, tables: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    found = {one.over.name for one in subjects}
    effects = effect_headline(tables["controls"]) if "controls" in tables else None
    known: dict[str, Any] = _without_nan(
        {
            "subjects": [_about(one) for one in subjects],
            "proxies": _of_first(tables.get("proxies"), subjects[0]),
            "effects": effects,
            "universality": _records(tables.get("similarities")),
        }
    )
    return known | {
        "not_found_in": [over.name for over, _ in asked.others if over.name not in found],
        "random_weights": next(
            (over.name for over, _ in asked.others if over.reads == "random weights"), None
        ),
        "neurons": {"privileged": not neurons.reason, "reason": neurons.reason},
        "notes": _notes(asked, subjects),
    }


def _of_first(table: pd.DataFrame | None, subject: Subject) -> list[dict[str, Any]]:
    if table is None:
        return []
    own = (table["run"] == subject.over.name) & (table["latent"] == subject.latent)
    return _records(table[own].drop(columns=["run", "latent"]))


def _records(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    if table is None:
        return []
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _without_nan(content: Any) -> Any:
    """The same with null for every NaN, which JSON does not have."""
    match content:
        case dict():
            return {name: _without_nan(value) for name, value in content.items()}
        case list():
            return [_without_nan(value) for value in content]
        case float() if math.isnan(content):
            return None
        case _:
            return content


def _partner(asked: Asked, over: CodedOver, known: int | None) -> Subject | None:
    if known is not None:
        return subject_of(over, known)
    return counterpart_of(asked.subject, over, asked.corpus)


def _about(subject: Subject) -> dict[str, Any]:
    run = subject.over.run
    return subject.about | {
        "activation": describe_activation(run.activation_fn),
        "d_sae": run.d_sae,
        "seed": run.key.seed,
        "sha256": weights_hash(run),
    }


def _notes(asked: Asked, subjects: list[Subject]) -> list[str]:
    """What a reader must know about these latents before the numbers."""
    told = {
        "dead": "never fires on these tokens: nothing can be said of when it fires or what it does",
        "once": "fires on one token: shares and correlations rest on that one",
        "always": "fires on every token: precision is the base rate, and silence tells nothing",
    }
    notes = [
        f"{one.over.name} {one.latent} {told[one.kind]}." for one in subjects if one.kind in told
    ]
    if not any(over.reads == "random weights" for over, _ in asked.others):
        notes.append(
            "No run of a model with random weights stands beside these numbers (--random adds one)."
        )
    if asked.at is not None:
        if asked.at.to_stream is None:
            notes.append(
                f"What is written at {asked.at.hook.name} is normed before it enters the residual "
                "stream, so there are no logit weights and no direct effect."
            )
        notes.append(
            "Taken away is the latent's own contribution; a rule that compares latents (TopK) "
            "selects nothing anew."
        )
    return notes


def _logits(
    asked: Asked,
    subjects: list[Subject],
    rows: Float[Tensor, "n_vocabulary d"] | None,
    neurons: Neurons,
) -> dict[str, pd.DataFrame]:
    if rows is None or asked.at is None:
        return {}
    weights = [(one.over.name, one.latent, logit_weights_of(one, rows)) for one in subjects]
    for neuron in neurons.traces:
        own = rows[:, neuron].double()
        weights.append((HOOK_NEURONS, neuron, (own - own.median()).numpy()))
    strings = token_strings(asked.at.model, len(rows))
    return {"logits": logits_table(weights, strings, asked.corpus.occurrences)}
