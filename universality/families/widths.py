"""The ladder of widths: what becomes of a narrow run's latents in a wider one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.comparison.policy import Policy
from universality.comparison.views import cosines
from universality.devices import resolve_device
from universality.families.combinations import NEAREST, Combinations, combine
from universality.families.matched_runs import ROUNDING
from universality.families.run_set import RunSet, cache_for
from universality.families.stitching import stitching_gain
from universality.matching import Candidates, Matching, assign, find_candidates
from universality.nulls.null import find_null


@final
@dataclass(frozen=True, eq=False)
class Step:
    """A narrow and a wide run, matched in the decoder view, the latents numbered as they take part.

    Everything beside it under the null is the largest value over draws, latent by latent.
    """

    narrow: int
    """Number of the narrow run."""
    wide: int
    """Number of the wide run."""
    candidates: Candidates
    """The nearest latents in both directions."""
    matching: Matching
    """The optimal one-to-one assignment."""
    from_wide: Combinations
    """Each narrow latent as a combination of wide ones."""
    from_narrow: Combinations
    """Each wide latent as a combination of narrow ones."""
    null_from_wide: Float64[np.ndarray, " n_narrow"]
    """Explained variance that the same search finds in a null dictionary."""
    null_from_narrow: Float64[np.ndarray, " n_wide"]
    """The same, for wide latents."""
    null_means: tuple[float, float]
    """Mean nearest similarity under the null, from narrow to wide and back."""
    stitching: Float64[np.ndarray, " n_wide"] | None
    """Relative change of the narrow run's error when a wide latent joins; None without tokens."""


def ladder(runs: RunSet) -> list[tuple[int, int]]:
    """Pairs of runs of neighbouring widths, narrow first: of the same seed where there are such.

    Empty when all are equally wide, or when their directions cannot be compared.
    """
    if "decoder" not in runs.views:
        return []
    widths = sorted({run.d_sae for run in runs.dictionaries})
    return [_pair(runs, narrow, wide) for narrow, wide in pairwise(widths)]


def climb(
    runs: RunSet, pair: Sequence[int], policy: Policy, activations: Sequence[ActivationCache]
) -> Step:
    """One step of the ladder, with its null."""
    narrow, wide = (runs.sides[run].directions["decoder"] for run in pair)
    candidates, matching = _match(narrow, wide, policy)
    nulls = [_null(narrow, wide, policy, draw) for draw in range(policy.n_draws)]
    return Step(
        narrow=pair[0],
        wide=pair[1],
        candidates=candidates,
        matching=matching,
        from_wide=combine(narrow, wide, candidates.of_a),
        from_narrow=combine(wide, narrow, candidates.of_b),
        null_from_wide=np.max([one[0] for one in nulls], axis=0),
        null_from_narrow=np.max([one[1] for one in nulls], axis=0),
        null_means=(
            float(np.mean([one[2][0] for one in nulls])),
            float(np.mean([one[2][1] for one in nulls])),
        ),
        stitching=_stitch(runs, pair, activations) if activations else None,
    )


def narrow_fates(step: Step, threshold: float) -> np.ndarray:
    """For each narrow latent: `kept`, `split` or `absent`.

    Kept: its assigned partner reaches the threshold. Split: otherwise, when two to five wide
    latents explain more of it than the same search finds in any null dictionary.
    """
    split = (step.from_wide.n_members >= 2) & (step.from_wide.explained > step.null_from_wide)
    return np.select([_kept(step, threshold)[0], split], ["kept", "split"], "absent")


def wide_origins(step: Step, threshold: float) -> np.ndarray:
    """For each wide latent: `kept`, `novel`, `refines`, `merges` or `unexplained`.

    Novel: adding it to the narrow run lowers its error (only known with activations). Otherwise it
    refines the one narrow latent, or merges the several, that explain more of it than the same
    search finds in any null dictionary, or it is unexplained.
    """
    known = step.from_narrow.explained > step.null_from_narrow
    novel = np.zeros(len(known), dtype=bool) if step.stitching is None else step.stitching < 0
    several = step.from_narrow.n_members >= 2
    return np.select(
        [_kept(step, threshold)[1], novel, known & several, known],
        ["kept", "novel", "merges", "refines"],
        "unexplained",
    )


def _kept(step: Step, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    matching = step.matching
    reaching = matching.similarity >= threshold - ROUNDING
    narrow, wide = np.zeros(matching.n_a, dtype=bool), np.zeros(matching.n_b, dtype=bool)
    narrow[matching.a[reaching]] = True
    wide[matching.b[reaching]] = True
    return narrow, wide


def _pair(runs: RunSet, narrow: int, wide: int) -> tuple[int, int]:
    keys = [(run.d_sae, run.key.seed, run.key.step or 0) for run in runs.dictionaries]
    narrow_runs = [run for run, key in enumerate(keys) if key[0] == narrow]
    wide_runs = [run for run, key in enumerate(keys) if key[0] == wide]
    same = [(a, b) for a in narrow_runs for b in wide_runs if keys[a][1] == keys[b][1]]
    latest = max(key[2] for key in keys)
    return next(
        (pair for pair in same if all(keys[run][2] == latest for run in pair)),
        same[0] if same else (narrow_runs[0], wide_runs[0]),
    )


def _match(narrow: Tensor, wide: Tensor, policy: Policy) -> tuple[Candidates, Matching]:
    device = resolve_device(policy.device)
    rows = {"decoder": narrow}, {"decoder": wide}
    similarity = cosines(*rows, absolute=policy.absolute, device=device)["decoder"]
    candidates = find_candidates(similarity, k=NEAREST)
    return candidates, assign(similarity, candidates=candidates, time_limit=policy.time_limit)


def _null(
    narrow: Tensor, wide: Tensor, policy: Policy, number: int
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Explained variances and mean nearest similarities against a null dictionary."""
    generator = torch.Generator().manual_seed(policy.seed + number)
    draw = find_null(policy.nulls[0]).draw
    left, right = draw({"decoder": narrow}, {"decoder": wide}, generator=generator)
    device = resolve_device(policy.device)
    similarity = cosines(left, right, absolute=policy.absolute, device=device)["decoder"]
    near = find_candidates(similarity, k=NEAREST)
    means = near.of_a.nearest_similarity.mean(), near.of_b.nearest_similarity.mean()
    return (
        combine(left["decoder"], right["decoder"], near.of_a).explained,
        combine(right["decoder"], left["decoder"], near.of_b).explained,
        (float(means[0]), float(means[1])),
    )


def _stitch(
    runs: RunSet, pair: Sequence[int], activations: Sequence[ActivationCache]
) -> Float64[np.ndarray, " n_wide"]:
    narrow, wide = (runs.dictionaries[run] for run in pair)
    gain = stitching_gain(narrow, wide, cache_for(narrow, activations))
    return np.asarray(gain[runs.sides[pair[1]].numbers])
