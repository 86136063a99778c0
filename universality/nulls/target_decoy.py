"""A filter that knows no geometry: is a latent closer to the other run than to its own?

The nearest latent of the *other* run is the target, the nearest *other* latent of the own run the
decoy. If two runs are exchangeable draws of any distribution whatever - with a mean, a spectrum,
clusters, or latents that live in subspaces which both runs know - target and decoy are as likely to
be the closer one. So W, the target's similarity less the decoy's, is as often below -t as above t
for latents that the runs do not share, and

    (1 + #{W <= -t}) / #{W >= t}

is at most the share of those among all that reach t, on average (the target-decoy count of mass
spectrometry: Elias and Gygi, Nature Methods 2007; its knockoff form: Barber and Candes, Annals of
Statistics 2015). Targets and decoys have to be equally many: the nearest of more is nearer. Of the
side that has more a random part is taken, several times, and what is found is averaged.

On trained runs this is no false discovery rate. Latents of one run repel each other in training,
so decoys are farther away than chance puts them, and all of it errs on the side of the targets. And
it says nothing where a match is ambiguous: a latent with a twin in its own run is never called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float64

from universality.matching import Neighbours
from universality.matching.subset import nearest_among
from universality.similarity import Others, Similarity

SUBSAMPLES = 8
"""How many random parts of the larger side are looked at."""


@final
@dataclass(frozen=True, eq=False)
class TargetDecoy:
    """How much closer the latents of one run are to the other run than to their own."""

    margin: Float64[np.ndarray, " n"]
    """W: similarity to the nearest of the other run less that to the nearest other of its own, the
    mean over subsamples."""
    decoys_per_target: Float64[np.ndarray, " n"]
    """The smallest (1 + #{W <= -t}) / #{W >= t} over the t up to its W, at most 1; the mean over
    subsamples. 1 for a latent that is no closer to the other run."""
    nearer: Float64[np.ndarray, " n"]
    """In which share of the subsamples the latent is closer to the other run than to its own,
    equals counted half. P(across > within) is its mean: .5 for runs that share nothing and are
    drawn from one distribution."""
    n_candidates: int
    """Latents among which the nearest was sought, on either side."""


def find_beyond_own(
    across: Similarity,
    near: Neighbours,
    within: Callable[[], Similarity],
    own: Neighbours,
    *,
    seed: int = 0,
    n_subsamples: int = SUBSAMPLES,
) -> TargetDecoy:
    """Targets and decoys of the latents of a run, equally many of both.

    Args:
        across: Similarity of the run with the other.
        near: The closest latents of the other run, one or more.
        within: Makes the similarity of the run with itself; called where the other run is smaller.
        own: The closest other latents of the run, one or more.
        seed: Of the subsamples.
        n_subsamples: How many.
    """
    n_a, n_b = across.shape
    parts = list(map(np.random.default_rng, np.random.SeedSequence(seed).spawn(n_subsamples)))
    if n_b < n_a - 1:
        others = Others(within())
        decoys = [nearest_among(others, own, _some(n_a, n_b + 1, part)) for part in parts]
        every = near.nearest_similarity - np.array(decoys)
    else:
        targets = [nearest_among(across, near, _some(n_b, n_a - 1, part)) for part in parts]
        every = np.array(targets) - own.nearest_similarity
    return TargetDecoy(
        margin=every.mean(axis=0),
        decoys_per_target=np.array([decoys_per_target(one) for one in every]).mean(axis=0),
        nearer=(every > 0).mean(axis=0) + (every == 0).mean(axis=0) / 2,
        n_candidates=min(n_a - 1, n_b),
    )


def decoys_per_target(margin: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """The smallest (1 + #{W <= -t}) / #{W >= t} over all 0 < t <= W, at most 1, for each W.

    Calling those at most q controls the false discovery rate at q where targets and decoys are
    exchangeable. 1 where W is not positive.
    """
    decoys, targets = np.sort(-margin[margin < 0]), np.sort(margin[margin > 0])
    beyond = np.arange(targets.size, 0, -1)
    first = np.searchsorted(targets, targets, side="left")
    ratio = (1 + decoys.size - np.searchsorted(decoys, targets, side="left")) / beyond[first]
    least = np.minimum.accumulate(ratio).clip(max=1)
    found = np.ones(margin.size)
    above = margin > 0
    found[above] = least[np.searchsorted(targets, margin[above], side="left")]
    return found


def _some(n: int, size: int, generator: np.random.Generator) -> Bool[np.ndarray, " n"]:
    """Which of n are in a random part of this size; all where there are no more."""
    chosen = np.zeros(n, dtype=bool)
    chosen[generator.permutation(n)[:size]] = True
    return chosen
