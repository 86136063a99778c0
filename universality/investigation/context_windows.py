"""The contexts in which effects are measured: windows of text around firings, for the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Int, Int64
from torch import Tensor

from universality.evidence.trace import FiringTrace
from universality.investigation.corpus import Corpus


@final
@dataclass(frozen=True, eq=False)
class ContextWindows:
    """Windows of consecutive tokens of documents, padded on the right."""

    tokens: Int[Tensor, "n_windows context"]
    """What the model reads: its beginning-of-sequence token first, where the cache says one."""
    mask: Int[Tensor, "n_windows context"]
    """Zeros are padding."""
    places: Int64[np.ndarray, "n_windows context"]
    """Which token of the stream each is; -1 for padding and the beginning-of-sequence token."""
    judged: Bool[np.ndarray, " n_windows"]
    """Windows of the documents that nothing was chosen on."""

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, windows: Sequence[int]) -> ContextWindows:
        """Some of the windows."""
        at = list(windows)
        return ContextWindows(self.tokens[at], self.mask[at], self.places[at], self.judged[at])


def windows_around(corpus: Corpus, trace: FiringTrace, *, n: int, length: int) -> ContextWindows:
    """Up to n windows around firings, from the strongest to the median, half of judged documents.

    Each holds three quarters of its length before the firing where the document has them, and no
    two are of one document as long as there are others. Fewer where the latent fires less often.
    """
    sides = [
        _spread(corpus, trace, corpus.is_judged[trace.tokens] == judged, n=n_side)
        for judged, n_side in ((False, n - n // 2), (True, n // 2))
    ]
    chosen = np.concatenate(sides)
    if chosen.size < min(n, trace.tokens.size):  # one side has too few
        rest = np.setdiff1d(trace.strongest, chosen)
        chosen = np.concatenate([chosen, rest[: n - chosen.size]])
    return _windows(corpus, chosen.astype(np.int64), length=length)


def _spread(
    corpus: Corpus, trace: FiringTrace, inside: np.ndarray, *, n: int
) -> Int64[np.ndarray, " n_chosen"]:
    """Evenly from the stronger half of the firings, first in each document before seconds."""
    strongest = trace.strongest
    kept = strongest[np.isin(strongest, trace.tokens[inside])]
    kept = kept[: max(n, -(-kept.size // 2))]
    _, firsts = np.unique(corpus.documents[kept], return_index=True)
    firsts = np.sort(firsts)
    if firsts.size >= n:
        return np.asarray(kept[firsts[np.linspace(0, firsts.size - 1, n).astype(int)]])
    others = np.setdiff1d(np.arange(kept.size), firsts)
    return np.asarray(kept[np.sort(np.concatenate([firsts, others[: n - firsts.size]]))])


def _windows(corpus: Corpus, rows: Int64[np.ndarray, " n"], *, length: int) -> ContextWindows:
    stream, bos = corpus.stream, corpus.cache.meta.bos
    room = length - (bos is not None)
    places = stream.place_of.numpy()[rows]
    low = stream.starts.numpy()[corpus.documents[rows]]
    high = stream.starts.numpy()[corpus.documents[rows] + 1]
    stop = np.minimum(np.maximum(places + room - 3 * room // 4, low + room), high)
    start = np.maximum(stop - room, low)
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    mask, found = torch.zeros_like(tokens), np.full((len(rows), length), -1)
    for number, (first, last) in enumerate(zip(start.tolist(), stop.tolist(), strict=True)):
        at = 0
        if bos is not None:
            tokens[number, 0], at = bos, 1
        end = at + last - first
        tokens[number, at:end] = stream.tokens[first:last].long()
        found[number, at:end] = np.arange(first, last)
        mask[number, :end] = 1
    return ContextWindows(tokens, mask, found, corpus.is_judged[rows])
