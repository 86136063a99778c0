"""The tokens that latents are looked at on: rows of a cache, their texts, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Bool, Int64

from universality.activations.cache import ActivationCache
from universality.activations.token_stream import TokenStream, token_stream
from universality.investigation.log_ratios import ReadTexts, log_ratios
from universality.investigation.proxies import Proxy
from universality.investigation.specificity import Scored
from universality.investigation.token_texts import Decode, token_texts


@final
@dataclass(frozen=True, eq=False)
class Corpus:
    """A cache with the stream of tokens that the model read."""

    cache: ActivationCache
    """Its rows are the tokens that are compared."""
    stream: TokenStream
    """All tokens of its documents, those without a row included."""

    @property
    def n_tokens(self) -> int:
        """Rows that are compared."""
        return len(self.cache)

    @cached_property
    def documents(self) -> Int64[np.ndarray, " n_tokens"]:
        """The document of each row."""
        return self.stream.documents.numpy()

    @property
    def n_documents(self) -> int:
        """Documents with a row."""
        return int(np.unique(self.documents).size)

    @property
    def is_judged(self) -> Bool[np.ndarray, " n_tokens"]:
        """Rows of every other document: what is chosen on the rest is judged on these."""
        return np.asarray(self.documents % 2 == 1)

    @cached_property
    def next_token(self) -> Int64[np.ndarray, " n_tokens"]:
        """The token that follows each row in its document; -1 at the end."""
        tokens, places = self.stream.tokens.numpy(), self.stream.place_of.numpy()
        ends = self.stream.starts.numpy()[self.documents + 1]
        following = tokens[np.minimum(places + 1, tokens.size - 1)].astype(np.int64)
        return np.asarray(np.where(places + 1 < ends, following, -1))

    @cached_property
    def occurrences(self) -> Int64[np.ndarray, " n_ids"]:
        """How often each token occurs in the texts, up to the greatest that does."""
        return np.bincount(self.stream.tokens.numpy())

    def string(self, token: int) -> str:
        """The text of a token, as the cache knows it."""
        return self.cache.vocabulary.get(token, f"<{token}>")

    def read(self, decode: Decode | None) -> ReadTexts:
        """The stream with its texts; `decode` puts split characters together."""
        tokens = self.stream.tokens.numpy().astype(np.int64)
        strings = [self.string(token) for token in range(int(tokens.max()) + 1)]
        texts = token_texts(tokens, strings, decode)
        return ReadTexts(tokens, self.stream.starts.numpy(), texts)

    def scored(self, proxy: Proxy, read: ReadTexts) -> Scored:
        """The ratio of every row under a proxy."""
        return Scored(proxy.name, log_ratios(proxy, read)[self.stream.place_of.numpy()])


def corpus_of(cache: ActivationCache) -> Corpus:
    """The corpus of an opened cache."""
    return Corpus(cache, token_stream(cache))
