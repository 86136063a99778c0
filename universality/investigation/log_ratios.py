"""How much more likely a token's text is in a context than anywhere: log(P(s | context) / P(s)).

For each token the ratio is the greatest over all strings that end with it, after Bricken et al.
(2023): a token that says nothing alone may end a string that says much.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import assert_never, final

import numpy as np
from jaxtyping import Float64, Int64

from universality.errors import InvalidInputError
from universality.investigation.proxies import OUTSIDE, CharacterClass, Membership, Proxy
from universality.investigation.token_texts import PARTIAL, TokenTexts

_REMEMBERED = 200_000
"""Texts whose answer is kept."""


@final
@dataclass(frozen=True, eq=False)
class ReadTexts:
    """A stream of tokens with its texts, cut into documents."""

    tokens: Int64[np.ndarray, " n_stream"]
    """Token ids."""
    starts: Int64[np.ndarray, " n_documents_and_one"]
    """Where each document begins, and where the last one ends: no string reaches across."""
    texts: TokenTexts
    """What each token says."""

    @property
    def log_unigram(self) -> Float64[np.ndarray, " n_stream"]:
        """Logarithm of how often each token is that token, of all tokens of the stream."""
        counts = np.bincount(self.tokens)
        return np.asarray(np.log(counts[self.tokens] / len(self.tokens)))


def log_ratios(proxy: Proxy, read: ReadTexts) -> Float64[np.ndarray, " n_stream"]:
    """The ratio of each token, natural logarithm.

    A token inside of a character counts, for a `Membership`, with the share of its occurrences
    whose character lies in the context; no class of characters has any that needs several tokens.

    Raises:
        InvalidInputError: a `Membership` holds for no token at all, so its ratio has no meaning.
    """
    match proxy:
        case CharacterClass():
            return _of_characters(proxy, read)
        case Membership():
            return _of_membership(proxy, read)
        case _:
            assert_never(proxy)


def _of_characters(proxy: CharacterClass, read: ReadTexts) -> Float64[np.ndarray, " n_stream"]:
    """The maximum over strings by one step per token: the best that ends before, or none."""
    weight, last = _weights(proxy), read.texts.last
    before = np.concatenate([[0.0], np.cumsum(read.log_unigram)])
    best, shown = np.full((2, len(read.tokens)), math.log(OUTSIDE))
    for low, high in pairwise(read.starts.tolist()):
        for at in range(low, high):
            whole = last[at] == at
            unit = read.texts.units[at] if whole else PARTIAL
            first = int(read.texts.first[at]) if whole else at
            chance = before[at + 1] - before[first]
            best[at] = weight(unit.lstrip() or unit) - chance
            if first > low:
                joined = weight(unit) - chance + best[first - 1]
                best[at] = max(best[at], joined)
                shown[at] = joined
            if proxy.least_tokens == 1:
                shown[at] = best[at]
    return shown


def _weights(proxy: CharacterClass) -> Callable[[str], float]:
    inside, outside = -math.log(len(proxy.characters)), math.log(OUTSIDE)

    @lru_cache(maxsize=_REMEMBERED)
    def weight(text: str) -> float:
        return sum((inside if one in proxy.characters else outside for one in text), 0.0)

    return weight


def _of_membership(proxy: Membership, read: ReadTexts) -> Float64[np.ndarray, " n_stream"]:
    probability = _greatest_probability(proxy, read)
    total = float(probability.mean())
    if total <= OUTSIDE:
        raise InvalidInputError(
            f"--proxy {proxy.name}: holds for none of the {len(read.tokens):,} tokens of the "
            "activations; choose another, or texts in which it occurs"
        )
    return np.asarray(np.log(np.maximum(probability, OUTSIDE) / total))


def _greatest_probability(proxy: Membership, read: ReadTexts) -> Float64[np.ndarray, " n_stream"]:
    ask = _remembered(proxy)
    found = np.zeros(len(read.tokens))
    units, first, last = read.texts.units, read.texts.first, read.texts.last
    for low, high in pairwise(read.starts.tolist()):
        for at in range(low, high):
            if last[at] != at:
                continue
            start, text = int(first[at]), units[at]
            found[at] = ask(text)
            for _ in range(proxy.longest - 1):
                if found[at] >= 1 or start <= low:
                    break
                text, start = units[start - 1] + text, int(first[start - 1])
                found[at] = max(found[at], ask(text))
    return _with_parts(found, read)


def _with_parts(
    found: Float64[np.ndarray, " n_stream"], read: ReadTexts
) -> Float64[np.ndarray, " n_stream"]:
    """What is inside of a character has the share of its token's characters that belong."""
    inside = np.flatnonzero(read.texts.last != np.arange(len(found)))
    if not inside.size:
        return found
    tokens, belongs = read.tokens[inside], found[read.texts.last[inside]]
    total = np.bincount(tokens, weights=belongs) / np.maximum(np.bincount(tokens), 1)
    found[inside] = total[tokens]
    return found


def _remembered(proxy: Membership) -> Callable[[str], float]:
    @lru_cache(maxsize=_REMEMBERED)
    def ask(text: str) -> float:
        value = float(proxy.probability(text))
        if not 0 <= value <= 1:
            raise InvalidInputError(
                f"proxy {proxy.name} gives {value!r} for {text[:40]!r}; it must give a "
                "probability, from 0 to 1"
            )
        return value

    return ask
