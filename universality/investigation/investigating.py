"""The five questions about one latent, for it and its counterparts in other runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from universality.activations.cache import CACHE, ActivationCache
from universality.compute.devices import resolve_device
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.investigation.asked import Asked
from universality.investigation.causal_effects import HookedModel, check_writes, hooked_model
from universality.investigation.coded_runs import RunElsewhere, runs_on_tokens
from universality.investigation.corpus import Corpus, corpus_of
from universality.investigation.explanations import (
    read_explanations,
    read_scores,
    scores_by_frequency,
)
from universality.investigation.investigation_answer import investigation_answer
from universality.investigation.matched_controls import ContextPlan
from universality.investigation.model_fit import fitted_model
from universality.investigation.proxies import PROXIES, named_proxies
from universality.investigation.questions import asked_tables
from universality.investigation.specificity import Scored
from universality.investigation.subjects import subject_of
from universality.models.language_model import LanguageModel, load_language_model
from universality.results.investigated import Investigation
from universality.results.schemas import INVESTIGATION
from universality.runs.opening import RUN, Run
from universality.storage.kept import PairStore
from universality.validation import (
    DEVICE,
    FLAG,
    PATH,
    Is,
    Number,
    Several,
    Tuple,
    as_tuple,
    either,
    takes,
)

_ELSEWHERE = Tuple(either(RUN, CACHE), 2)
"""A run and the cache that it reads."""


@takes(
    {
        **{"counterparts": "--in RUN:LATENT", "others": "--in", "keep": "--keep"},
        **{"elsewhere": "--elsewhere", "random": "--random"},
    },
    run=RUN,
    latent=Number(0, whole=True),
    activations=CACHE,
    others=Several(RUN, least=0),
    elsewhere=Several(_ELSEWHERE, least=0),
    random=either(_ELSEWHERE, None),
    counterparts=either(Several(either(Number(0, whole=True), None), least=0), None),
    model=either(Is((LanguageModel, str, Path), "a language model, or the address of one"), None),
    proxies=PROXIES,
    pin=either(Number(), None),
    n_contexts=Number(2, 1_000, whole=True),
    context_length=Number(8, 4_096, whole=True),
    n_controls=Number(0, 1_000, whole=True),
    explanations=either(PATH, None),
    keep=either(PATH, None),
    seed=Number(0, whole=True),
    device=DEVICE,
    progress=FLAG,
)
def investigate(
    run: Run,
    latent: int,
    activations: ActivationCache | str | Path,
    *,
    others: Run | Sequence[Run] = (),
    elsewhere: Sequence[RunElsewhere] = (),
    random: RunElsewhere | None = None,
    counterparts: Sequence[int | None] | None = None,
    model: LanguageModel | str | Path | None = None,
    proxies: str | Callable[[str], float] | Sequence[str | Callable[[str], float]] = (),
    pin: float | None = None,
    n_contexts: int = 10,
    context_length: int = 64,
    n_controls: int = 10,
    explanations: str | Path | None = None,
    keep: str | Path | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Investigation:
    """What a latent is: specific, sensitive, used by the model, more than a neuron, universal?

    Without a model nothing is said of what it does; without other runs, nothing of universality.
    In each other run its counterpart is the latent that fires most alike on every other document;
    what is said of the pair is also said of the rest of the documents alone.

    Args:
        run: The run, or its address.
        latent: Which of its latents, from 0.
        activations: A cache of the hook that the runs read: where latents are looked at.
        others: Runs on the same hook in which it is looked for.
        elsewhere: Runs of other hooks or models in which it is looked for, each with a cache of the
            same texts; what they write is not asked of the model.
        random: A run of a model with random weights, and its cache of the same texts: what its best
            latent reaches stands beside every score.
        counterparts: Its counterpart in each of them, where it is known; None finds it.
        model: The language model of the cache, or its address.
        proxies: What it may be about: `script:Han`, `class:digit`, `regex:...`, `tokens:FILE`, or
            a function from a text to the probability that it belongs.
        pin: The code at which it is held; its largest if None.
        n_contexts: Contexts in which its effect is measured.
        context_length: Tokens of each.
        n_controls: Random latents of equal frequency and norm beside it.
        explanations: What others say of the run's latents: a JSON file that maps latents to texts,
            or delphi's folder of results, whose scores are shown by firing frequency.
        keep: A folder for codes and for the effects of controls, which further latents use again.
        seed: Of all that is drawn.
        device: Where encoder and model run; the CPU if None.
        progress: Show bars on stderr when that is a terminal.

    Raises:
        InvalidInputError: an argument does not fit, the run has no such latent, the activations
            or the tokenizer are not of the model, or caches are not of the same texts.
        MissingFileError, FormatError, UnsafeFileError: as `load`, `open_activations` and
            `load_language_model`.
        UnsupportedError: a run has no weights, or writes elsewhere than it reads.
        OutputError: `keep` holds something else.
    """
    place = resolve_device(device or "cpu")
    store = None if keep is None else Path(keep)
    here = (run, *as_tuple(others))
    wanted = _counterparts(counterparts, len(here) - 1)
    on = runs_on_tokens(
        here, activations, elsewhere, random, device=place, keep=store, progress=progress
    )
    corpus = corpus_of(on.cache)
    subject = subject_of(on.runs[0], latent)
    writing = [one.run for one in on.runs if one.reads == "here"]
    at = None if model is None else _opened_model(model, on.cache, place, writing)
    fit = None if at is None else fitted_model(at, corpus)
    known = (*wanted, *(None for _ in on.runs[len(here) :]))
    asked = Asked(
        subject=subject,
        others=tuple(zip(on.runs[1:], known, strict=True)),
        corpus=corpus,
        scored=tuple(_scored(proxies, corpus, at)),
        at=at,
        plan=ContextPlan(
            n_contexts=n_contexts,
            n_paired=max(1, n_contexts // 2),
            length=context_length,
            n_controls=n_controls,
            seed=seed,
        ),
        pin=pin,
        kept=None if store is None else PairStore(store / "effects"),
        progress=progress,
    )
    return _investigation(asked, fit, None if explanations is None else Path(explanations))


def _investigation(
    asked: Asked, fit: dict[str, Any] | None, explanations: Path | None
) -> Investigation:
    """The answers with all that a reader needs beside them."""
    found, latent = asked_tables(asked), asked.subject.latent
    told = {} if explanations is None else read_explanations(explanations)
    about = {
        **found.summary,
        "explanation": told.get(latent),
        "activations": _about_cache(asked.corpus.cache, asked.corpus),
        "model": fit,
        "plan": asdict(asked.plan),
    }
    summary = {"schema": INVESTIGATION.written, "answer": investigation_answer(about), **about}
    return Investigation(summary, **found.tables, **_scores(asked, explanations))


def _scores(asked: Asked, explanations: Path | None) -> dict[str, pd.DataFrame]:
    """Delphi's scores of the run's latents by firing frequency, where there are any."""
    scores = None if explanations is None else read_scores(explanations)
    if scores is None or not len(scores):
        return {}
    over = asked.subject.over
    return {"scores": scores_by_frequency(scores, over.codes.frequency, asked.subject.latent)}


def _counterparts(
    counterparts: Sequence[int | None] | None, n_others: int
) -> tuple[int | None, ...]:
    wanted = (None,) * n_others if counterparts is None else as_tuple(counterparts)
    if len(wanted) != n_others:
        raise InvalidInputError(
            f"counterparts: {len(wanted)} for {n_others} other runs; give one for each, or None"
        )
    return wanted


def _opened_model(
    model: LanguageModel | str | Path,
    cache: ActivationCache,
    device: torch.device,
    runs: Sequence[Dictionary],
) -> HookedModel:
    for run in runs:
        check_writes(run)
    if not isinstance(model, LanguageModel):
        model = load_language_model(model, device=device)
    return hooked_model(model, cache.meta.hook_name)


def _scored(
    proxies: str | Callable[[str], float] | Sequence[str | Callable[[str], float]],
    corpus: Corpus,
    at: HookedModel | None,
) -> list[Scored]:
    read_as = named_proxies(as_tuple(proxies))
    if not read_as:
        return []
    read = corpus.read(None if at is None else at.model.tokenizer.decode)
    return [corpus.scored(proxy, read) for proxy in read_as]


def _about_cache(cache: ActivationCache, corpus: Corpus) -> dict[str, Any]:
    return {
        "n_tokens": corpus.n_tokens,
        "n_documents": corpus.n_documents,
        "hook_name": cache.meta.hook_name,
        "model_name": cache.meta.model_name,
        "sha256": cache.meta.sha256,
    }
