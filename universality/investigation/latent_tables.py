"""The tables of an investigation: what is said of each latent, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int64

from universality.activations.contexts import contexts
from universality.evidence.trace import FiringTrace
from universality.investigation.causal_effects import CleanRuns, Effects, Pinned
from universality.investigation.corpus import Corpus
from universality.investigation.sensitivity import missed_tokens, proxy_scores
from universality.investigation.specificity import (
    Scored,
    activation_histogram,
    group_scores,
    group_table,
    groups_of,
    ratio_histogram,
)

_TOP = 10
_PER_GROUP = 3
_MISSED = 8
_PROMOTED = 10


@final
@dataclass(frozen=True, eq=False)
class Shown:
    """A latent, or a neuron, that the tables describe."""

    run: str
    """Its run; for a neuron, which neurons."""
    latent: int
    """Its number there."""
    trace: FiringTrace
    """Where it fires."""


def over_latents(shown: Iterable[Shown], make: Callable[[Shown], pd.DataFrame]) -> pd.DataFrame:
    """The tables of all latents, one below the other, each row saying whose it is."""
    return pd.concat([labelled(one, make(one)) for one in shown], ignore_index=True)


def histogram_table(shown: Sequence[Shown], corpus: Corpus) -> pd.DataFrame:
    """`activation_histogram` of each latent."""
    return over_latents(
        shown, lambda one: activation_histogram(one.trace, n_tokens=corpus.n_tokens)
    )


def groups_table(shown: Sequence[Shown]) -> pd.DataFrame:
    """`group_table` of each latent."""
    return over_latents(shown, lambda one: group_table(one.trace))


def proxy_tables(shown: Sequence[Shown], scored: Sequence[Scored]) -> dict[str, pd.DataFrame]:
    """What each proxy says of each latent: `proxies`, `proxy_groups` and `ratios`."""

    def scores(one: Shown) -> pd.DataFrame:
        return pd.DataFrame([proxy_scores(one.trace, proxy) for proxy in scored])

    def groups(one: Shown) -> pd.DataFrame:
        return pd.concat([group_scores(one.trace, proxy) for proxy in scored], ignore_index=True)

    def ratios(one: Shown) -> pd.DataFrame:
        return pd.concat([ratio_histogram(one.trace, proxy) for proxy in scored], ignore_index=True)

    return {
        "proxies": over_latents(shown, scores),
        "proxy_groups": over_latents(shown, groups),
        "ratios": over_latents(shown, ratios),
    }


def contexts_table(
    shown: Sequence[Shown], scored: Sequence[Scored], corpus: Corpus, *, seed: int
) -> pd.DataFrame:
    """Texts on which each latent fires most, some of each group, and what of each proxy it misses.

    Columns: `kind` (`top`, `interval`, `quantile`, `missed`), `group`, `proxy`, `row`, `code`,
    `document`, `tokens`, `centre`, `codes` (of the latent on each string; NaN where the cache has
    no row).
    """
    return over_latents(shown, lambda one: _contexts_of(one, scored, corpus, seed))


def _contexts_of(one: Shown, scored: Sequence[Scored], corpus: Corpus, seed: int) -> pd.DataFrame:
    chosen = pd.DataFrame(
        _chosen_rows(one.trace, scored, seed), columns=["kind", "group", "proxy", "row"]
    )
    rows = chosen["row"].to_numpy(dtype=np.int64, copy=True)
    found = contexts(corpus.cache, torch.from_numpy(rows))
    return chosen.assign(
        code=one.trace.at(rows),
        document=[context.document for context in found],
        tokens=pd.Series([list(context.strings) for context in found], dtype=object),
        centre=[context.centre for context in found],
        codes=pd.Series(
            [one.trace.at(np.array(context.rows)).astype(np.float32) for context in found],
            dtype=object,
        ),
    )


def _chosen_rows(
    trace: FiringTrace, scored: Sequence[Scored], seed: int
) -> list[tuple[str, int, str, int]]:
    generator = np.random.default_rng(seed)
    rows = [("top", -1, "", row) for row in trace.strongest[:_TOP].tolist()]
    for rule, group in groups_of(trace).items():
        for number in range(int(group.max(initial=-1)), -1, -1):
            inside = trace.tokens[group == number]
            some = generator.choice(inside, size=min(_PER_GROUP, inside.size), replace=False)
            rows += [(rule, number, "", row) for row in np.sort(some).tolist()]
    for proxy in scored:
        missed = missed_tokens(trace, proxy, n=_MISSED, generator=generator)
        rows += [("missed", -1, proxy.name, row) for row in missed.tolist()]
    return rows


def logits_table(
    shown: Sequence[tuple[str, int, Float64[np.ndarray, " n_vocabulary"]]],
    strings: Sequence[str],
    occurrences: Int64[np.ndarray, " n_ids"],
) -> pd.DataFrame:
    """The logit weight of every token of the vocabulary, with how often the texts have it.

    Columns: `run`, `latent`, `token`, `string`, `n_occurrences`, `weight`. Tokens that the texts
    never have are rare ones: rows of the head that training hardly moved, whose weights say little.
    """
    n = len(strings)
    counts = np.zeros(n, dtype=np.int64)
    counts[: min(n, occurrences.size)] = occurrences[:n]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "run": run,
                    "latent": latent,
                    "token": np.arange(n),
                    "string": list(strings),
                    "n_occurrences": counts,
                    "weight": weights.astype(np.float32),
                }
            )
            for run, latent, weights in shown
        ],
        ignore_index=True,
    )


def effects_table(
    clean: CleanRuns, effects: Effects, pinned: Pinned | None, corpus: Corpus
) -> pd.DataFrame:
    """One row per token of every context, with what the latent does to it.

    Columns: `context`, `position`, `string`, `document`, `held_out`, `code`, `total`, `direct`,
    `pinned`. What a latent does at position t is seen at the token t + 1, and stands in its row.
    """
    rows = []
    for number, places in enumerate(clean.windows.places):
        for position in range(int(clean.windows.mask[number].sum())):
            token = int(clean.windows.tokens[number, position])
            before = position - 1
            rows.append(
                {
                    "context": number,
                    "position": position,
                    "string": corpus.string(token),
                    "document": _document(corpus, places),
                    "held_out": bool(clean.windows.judged[number]),
                    "code": float(effects.codes[number, position]),
                    "total": float(effects.total[number, before]) if position else np.nan,
                    "direct": float(effects.direct[number, before])
                    if position and effects.direct is not None
                    else np.nan,
                    "pinned": float(pinned.rise[number, before])
                    if position and pinned is not None
                    else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _document(corpus: Corpus, places: np.ndarray) -> str:
    first = int(places[places >= 0][0])
    number = int(np.searchsorted(corpus.stream.starts.numpy(), first, side="right")) - 1
    return corpus.cache.document_names[number]


def promoted_table(pinned: Pinned, strings: Sequence[str]) -> pd.DataFrame:
    """The tokens whose log-probability pinning raises and lowers most: `rank`, `string`, `rise`.

    `rank` 0 is the most raised; -1 the most lowered.
    """
    order = torch.argsort(pinned.mean_rise, descending=True, stable=True).tolist()
    n = min(_PROMOTED, len(order) // 2)
    ranked = [*enumerate(order[:n]), *((-k - 1, order[-k - 1]) for k in range(n))]
    return pd.DataFrame(
        [(rank, token, strings[token], float(pinned.mean_rise[token])) for rank, token in ranked],
        columns=["rank", "token", "string", "rise"],
    ).assign(value=pinned.value)


def labelled(shown: Shown, table: pd.DataFrame) -> pd.DataFrame:
    """The table with whose it is in its first columns."""
    table = table.copy()
    table.insert(0, "run", shown.run)
    table.insert(1, "latent", shown.latent)
    return table
