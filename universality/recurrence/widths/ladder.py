"""The ladder of widths: what becomes of a narrow run's latents in a wider one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from universality.compute.devices import resolve_device
from universality.compute.stages import counted
from universality.encoding.encoder_hash import encoder_hash
from universality.evidence.stitching import Stitching, stitching_gain
from universality.matching import find_candidates
from universality.nulls.null import find_null
from universality.recurrence.widths.combinations import NEAREST, Combinations, combine
from universality.results.grades import ROUNDING
from universality.runs.matched import matching_choices
from universality.runs.partner_table import PartnerTable
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.similarity import Cosine
from universality.storage.kept import PairStore, kept

MOST_Z = 2.0
"""Standard errors over documents by which a novel latent lowers the error at least."""


@final
@dataclass(frozen=True, eq=False)
class Explained:
    """The latents of one run as those of another explain them, and as null directions do."""

    partner: Int64[np.ndarray, " n"]
    """Partner in the optimal one-to-one assignment; -1 for none."""
    similarity: Float64[np.ndarray, " n"]
    """Similarity to the partner, NaN without one."""
    nearest_similarity: Float64[np.ndarray, " n"]
    """Similarity of the nearest latent."""
    null_mean: float
    """Mean nearest similarity under the null."""
    sums: Combinations
    """Each latent as a combination of the other run's."""
    null_explained: Float64[np.ndarray, " n"]
    """Explained variance that the same search finds in null dictionaries: the largest of the
    draws, latent by latent."""
    null_share_of_sums: tuple[float, float]
    """Share of latents that a null dictionary explains better than all other draws do, with one
    term or more and with two or more: how often chance alone looks like a refinement or a split."""

    @property
    def beyond_null(self) -> np.ndarray:
        """Which latents the other run explains better than any null dictionary does."""
        return np.asarray(self.sums.explained > self.null_explained)


@final
@dataclass(frozen=True, eq=False)
class Step:
    """A narrow and a wide run by their decoders, the latents numbered as they take part."""

    narrow: int
    """Number of the narrow run."""
    wide: int
    """Number of the wide run."""
    of_narrow: Explained
    """The narrow latents by the wide ones."""
    of_wide: Explained
    """The wide latents by the narrow ones."""
    stitching: Stitching | None
    """What a wide latent does to the narrow run's error when it joins; None without tokens."""
    control: Control | None
    """The same for another run as wide as the narrow one; None where there is none."""
    n_draws: int
    """Draws of the null: a latent is beyond all of them by chance once in n_draws + 1 times."""


@final
@dataclass(frozen=True, eq=False)
class Control:
    """How often latents look novel that a wider run cannot have brought: another seed's."""

    run: int
    """Number of the other run, as wide as the narrow one."""
    similarity: Float64[np.ndarray, " n"]
    """Similarity of its latents to their partners in the narrow run, NaN without one."""
    stitching: Stitching
    """What they do to the narrow run's error when they join."""

    def novel_fraction(self, threshold: float) -> float:
        """Share of its latents that would be called novel."""
        same = self.similarity >= threshold - ROUNDING
        return float((~same & is_novel(self.stitching)).mean())


def ladder(runs: RunSet) -> list[tuple[int, int]]:
    """Pairs of runs of neighbouring widths, narrow first: of different seeds where there are such.

    Runs of one seed may have started from the same weights, whatever their widths, and then find
    each other again for that reason. Checkpoints of the last step come before earlier ones.

    Empty when all are equally wide, or when their directions cannot be compared.
    """
    if "decoder" not in runs.view_names:
        return []
    widths = sorted({run.d_sae for run in runs.dictionaries})
    return [_pair(runs, narrow, wide) for narrow, wide in pairwise(widths)]


def climb(
    runs: RunSet,
    pair: Sequence[int],
    matched: PartnerTable,
    policy: Policy,
    *,
    store: PairStore | None = None,
) -> Step:
    """One step of the ladder, with its null; `matched` are all runs in the decoder view.

    What the store holds of the step is not found again.
    """
    found = search_step(runs, pair, policy, store=store)
    numbers = counted(range(policy.n_draws), "draws of the ladder")
    draws = [search_step(runs, pair, policy, draw=number, store=store) for number in numbers]
    return Step(
        narrow=pair[0],
        wide=pair[1],
        of_narrow=_explained("narrow", runs, pair, matched, found, draws),
        of_wide=_explained("wide", runs, pair[::-1], matched, found, draws),
        stitching=_stitch(runs, pair, store),
        control=_control(runs, pair[0], matched, store),
        n_draws=policy.n_draws,
    )


def search_step(
    runs: RunSet,
    pair: Sequence[int],
    policy: Policy,
    *,
    draw: int | None = None,
    store: PairStore | None = None,
) -> Mapping[str, np.ndarray]:
    """Nearest similarities and combinations in both directions, of two runs or of a draw of them.

    Found in the store, or kept there.
    """
    narrow, wide = (runs.parts[run].directions["decoder"] for run in pair)
    digests = [runs.parts[run].digests["decoder"] for run in pair]
    key = f"ladder/{matching_choices(policy)}/{'/'.join(digests)}"
    if draw is None:
        return kept(store, key, lambda: _search(narrow, wide, policy))
    null = find_null(policy.nulls[0])
    key += f"/{null.name}/{null.version}/{policy.seed + draw}"
    return kept(store, key, lambda: _search_null(narrow, wide, policy, draw))


def narrow_grades(step: Step, threshold: float) -> np.ndarray:
    """For each narrow latent: `same`, `split` or `none`.

    Same: its assigned partner reaches the threshold. Split: otherwise, when two to five wide
    latents explain more of it than the same search finds in any null dictionary.
    """
    found = step.of_narrow
    split = (found.sums.n_members >= 2) & found.beyond_null
    return np.select([is_same(found, threshold), split], ["same", "split"], "none")


def wide_grades(step: Step, threshold: float) -> np.ndarray:
    """For each wide latent: `same`, `novel`, `refined`, `merged` or `none`.

    Novel: adding it to the narrow run lowers its error, by more than two standard errors over
    documents (only known with activations). Otherwise it is the one narrow latent refined, or the
    several merged, that explain more of it than the same search finds in any null dictionary, or
    none.
    """
    found = step.of_wide
    known, several = found.beyond_null, found.sums.n_members >= 2
    novel = np.zeros(len(known), dtype=bool)
    if step.stitching is not None:
        novel = is_novel(step.stitching)
    return np.select(
        [is_same(found, threshold), novel, known & several, known],
        ["same", "novel", "merged", "refined"],
        "none",
    )


def is_novel(stitching: Stitching) -> np.ndarray:
    """Which latents lower the error by more than two standard errors over documents."""
    return np.asarray(np.nan_to_num(stitching.z) < -MOST_Z)


def is_same(found: Explained, threshold: float) -> np.ndarray:
    """Which latents have a partner that reaches the threshold."""
    return np.asarray(found.similarity >= threshold - ROUNDING)


def _pair(runs: RunSet, narrow: int, wide: int) -> tuple[int, int]:
    keys = [run.key for run in runs.dictionaries]
    widths = [run.d_sae for run in runs.dictionaries]
    latest = max(key.step or 0 for key in keys)
    pairs = [
        (a, b)
        for a, width_a in enumerate(widths)
        for b, width_b in enumerate(widths)
        if (width_a, width_b) == (narrow, wide)
    ]

    def worse(pair: tuple[int, int]) -> tuple[int, int]:
        seeds = [keys[run].seed for run in pair]
        unsure = 1 if None in seeds else 2 * (seeds[0] == seeds[1])
        return unsure, sum((keys[run].step or 0) != latest for run in pair)

    return min(pairs, key=worse)


def _search(narrow: Tensor, wide: Tensor, policy: Policy) -> dict[str, np.ndarray]:
    """Nearest similarities and combinations in both directions."""
    device = resolve_device(policy.device)
    similarity = Cosine.between(narrow, wide, absolute=policy.absolute, device=device)
    near = find_candidates(similarity, k=NEAREST, progress=False)
    found = {
        "narrow": combine(narrow, wide, near.of_a, absolute=policy.absolute),
        "wide": combine(wide, narrow, near.of_b, absolute=policy.absolute),
    }
    nearest = {"narrow": near.of_a.nearest_similarity, "wide": near.of_b.nearest_similarity}
    return {
        f"{side}_{name}": values
        for side, sums in found.items()
        for name, values in (
            ("nearest", nearest[side]),
            ("member", sums.member),
            ("coefficient", sums.coefficient),
            ("explained", sums.explained),
        )
    }


def _search_null(
    narrow: Tensor, wide: Tensor, policy: Policy, number: int
) -> dict[str, np.ndarray]:
    generator = torch.Generator().manual_seed(policy.seed + number)
    draw = find_null(policy.nulls[0]).draw
    left, right = draw({"decoder": narrow}, {"decoder": wide}, generator=generator)
    return _search(left["decoder"], right["decoder"], policy)


def _explained(
    side: str,
    runs: RunSet,
    pair: Sequence[int],
    matched: PartnerTable,
    found: Mapping[str, np.ndarray],
    draws: Sequence[Mapping[str, np.ndarray]],
) -> Explained:
    own, other = pair
    assert matched.similarity is not None
    latents = matched.starts[own] + runs.parts[own].numbers
    partner = matched.partner[latents, other]
    place = np.full(len(matched.alive) + 1, -1, dtype=np.int64)
    numbers = runs.parts[other].numbers
    place[matched.starts[other] + numbers] = np.arange(len(numbers))
    names = ("member", "coefficient", "explained")
    return Explained(
        partner=place[partner],
        similarity=matched.similarity[latents, other],
        nearest_similarity=found[f"{side}_nearest"],
        null_mean=float(np.mean([one[f"{side}_nearest"].mean() for one in draws])),
        sums=Combinations(*(found[f"{side}_{name}"] for name in names)),
        null_explained=np.max([one[f"{side}_explained"] for one in draws], axis=0),
        null_share_of_sums=_null_share_of_sums(side, draws),
    )


def _null_share_of_sums(
    side: str, draws: Sequence[Mapping[str, np.ndarray]]
) -> tuple[float, float]:
    explained = np.stack([one[f"{side}_explained"] for one in draws])
    n_members = np.stack([(one[f"{side}_member"] >= 0).sum(axis=1) for one in draws])
    others = [np.delete(explained, number, axis=0).max(axis=0) for number in range(len(draws))]
    beyond = explained > np.stack(others)
    return float(beyond.mean()), float((beyond & (n_members >= 2)).mean())


def _control(
    runs: RunSet, narrow: int, matched: PartnerTable, store: PairStore | None
) -> Control | None:
    """Another seed of the narrow width; the latest of its steps."""
    keys, widths = [run.key for run in runs.dictionaries], [r.d_sae for r in runs.dictionaries]
    others = [
        run
        for run, width in enumerate(widths)
        if width == widths[narrow] and keys[run].seed not in (keys[narrow].seed, None)
    ]
    if not others:
        return None
    other = max(others, key=lambda run: keys[run].step or 0)
    stitching = _stitch(runs, (narrow, other), store)
    if stitching is None or matched.similarity is None:
        return None
    latents = matched.starts[other] + runs.parts[other].numbers
    return Control(other, matched.similarity[latents, narrow], stitching)


def _stitch(runs: RunSet, pair: Sequence[int], store: PairStore | None) -> Stitching | None:
    narrow, wide = (runs.parts[run] for run in pair)
    if narrow.recorded is None:
        return None
    cache = narrow.recorded.cache
    hashes = [f"{run.sha256}/{encoder_hash(run.dictionary)}" for run in (narrow, wide)]
    key = f"stitching/2/{'/'.join(hashes)}/{cache.meta.sha256}"

    def gain() -> dict[str, np.ndarray]:
        return stitching_gain(narrow.dictionary, wide.dictionary, cache)._asdict()

    found = kept(store, key, gain)
    return Stitching(*(np.asarray(found[name])[wide.numbers] for name in Stitching._fields))
