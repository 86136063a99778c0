"""The closest few of every latent, exactly, from the pairs that a pass over the product listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64

from universality.matching.exact.listed import ListedPairs, kth_closest
from universality.similarity import Similarity

_LATENTS_PER_STEP = 256
_STEPS_PER_UNIT = 2.0**40


@final
@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k closest latents of the other side, for each latent of one side, closest first.

    Equally close latents come in ascending order. Where there are fewer than k, the index is -1
    and the similarity minus infinity.
    """

    index: Int64[np.ndarray, "n k"]
    """Which latents."""
    similarity: Float64[np.ndarray, "n k"]
    """How close they are."""

    @property
    def nearest(self) -> Int64[np.ndarray, " n"]:
        """The closest latent."""
        return self.index[:, 0]

    @property
    def nearest_similarity(self) -> Float64[np.ndarray, " n"]:
        """Similarity of the closest latent."""
        return self.similarity[:, 0]

    @property
    def runner_up(self) -> Int64[np.ndarray, " n"]:
        """The second closest latent; -1 where there is none (k >= 2)."""
        return self.index[:, 1]

    @property
    def margin(self) -> Float64[np.ndarray, " n"]:
        """By how much the closest is closer than the runner-up; infinite without one (k >= 2)."""
        return np.asarray(self.similarity[:, 0] - self.similarity[:, 1])


def closest(
    similarity: Similarity,
    listed: ListedPairs,
    *,
    k: int,
    latents: range,
    others: range,
) -> Neighbours:
    """The k closest `others` of each of the `latents` of the first side, in float64.

    Listed pairs suffice where the k-th closest is closer than any pair not listed can be; the
    other latents are looked at again in float64.
    """
    latent = listed.a - latents.start
    kth = kth_closest(latent, listed.value, len(latents), k)
    near = np.flatnonzero(listed.value >= kth[latent] - 2 * listed.error)
    found = _sorted(similarity, listed.a[near], listed.b[near], latents, k)
    settled = np.bincount(latent, minlength=len(latents)) >= len(others)
    settled |= found.similarity[:, -1] >= listed.rest_a
    for part in np.array_split(
        np.flatnonzero(~settled), max(1, -(-int((~settled).sum()) // _LATENTS_PER_STEP))
    ):
        again = _looked_at_whole(similarity, part + latents.start, others, k)
        found.index[part], found.similarity[part] = again.index, again.similarity
    return found


def _looked_at_whole(
    similarity: Similarity,
    rows: Int64[np.ndarray, " rows"],
    others: range,
    k: int,
) -> Neighbours:
    device = similarity.device
    i, j = torch.from_numpy(rows).to(device), torch.arange(*_ends(others), device=device)
    values, _ = similarity.block(i, j, fine=True)
    coarse = (values * _STEPS_PER_UNIT).round()
    top = coarse.sort(dim=1, descending=True, stable=True).indices[:, :k]
    finite = values.gather(1, top) > -torch.inf
    a, b = i[:, None].expand_as(top)[finite].cpu().numpy(), j[top[finite]].cpu().numpy()
    position = np.repeat(np.arange(len(rows)), finite.sum(dim=1).cpu().numpy())
    exact = _exact(similarity, a, b)
    return _table(position, b, exact, len(rows), k)


def _sorted(
    similarity: Similarity,
    a: Int64[np.ndarray, " n_pairs"],
    b: Int64[np.ndarray, " n_pairs"],
    latents: range,
    k: int,
) -> Neighbours:
    return _table(a - latents.start, b, _exact(similarity, a, b), len(latents), k)


def _table(
    row: Int64[np.ndarray, " n_pairs"],
    other: Int64[np.ndarray, " n_pairs"],
    exact: Float64[np.ndarray, " n_pairs"],
    n: int,
    k: int,
) -> Neighbours:
    order = np.lexsort((other, -np.round(exact * _STEPS_PER_UNIT), row))
    row, other, exact = row[order], other[order], exact[order]
    counts = np.bincount(row, minlength=n)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = place < k
    index, values = np.full((n, k), -1, dtype=np.int64), np.full((n, k), -np.inf)
    index[row[kept], place[kept]] = other[kept]
    values[row[kept], place[kept]] = exact[kept]
    return Neighbours(index, values)


def _exact(
    similarity: Similarity, a: Int64[np.ndarray, " n_pairs"], b: Int64[np.ndarray, " n_pairs"]
) -> Float64[np.ndarray, " n_pairs"]:
    device = similarity.device
    i, j = torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)
    return np.asarray(similarity.at(i, j).cpu().numpy())


def _ends(span: range) -> tuple[int, int]:
    return span.start, span.stop
