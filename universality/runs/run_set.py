"""The runs of a comparison or a study: each opened once, with one rule for what takes part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import final

import numpy as np

from universality.activations.cache import ActivationCache
from universality.activations.token_table import TokenTable
from universality.codes import Codes
from universality.compute.devices import resolve_device
from universality.dictionary import Dictionary, DirectionName
from universality.encoding.delphi import CodedRun
from universality.encoding.streaming import count_firing
from universality.errors import InvalidInputError
from universality.loading import weights_hash
from universality.runs.choosing import choose_views
from universality.runs.common_tokens import encode_runs, recorded_alike
from universality.runs.fitted_map import FittedAlignment, MapKind, fit_alignment, fitted_kind
from universality.runs.opening import dictionary_of, is_coded
from universality.runs.part import Recorded, RunPart, alive_in, traits_of
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS, Traits, View


@final
@dataclass(frozen=True, eq=False)
class RunSet:
    """Runs that are compared with each other, two or more, and the views they are compared in."""

    parts: tuple[RunPart, ...]
    """The runs, and what of each takes part."""
    views: tuple[View, ...]
    """What they are compared by."""
    table: TokenTable | None
    """The tokens they have in common; None without activations."""
    fitted: FittedAlignment | None = None
    """Through which map the directions of the second came into the space of the first; None where
    they are their own."""

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each run, no two alike."""
        return tuple(part.name for part in self.parts)

    @property
    def dictionaries(self) -> tuple[Dictionary, ...]:
        """The whole runs."""
        return tuple(part.dictionary for part in self.parts)

    @property
    def view_names(self) -> tuple[str, ...]:
        """How the views are called."""
        return tuple(view.name for view in self.views)

    @property
    def directions(self) -> tuple[DirectionName, ...]:
        """The names of the views of directions."""
        first = self.dictionaries[0]
        return tuple(view for view in first.views if view in self.view_names)

    @property
    def compares_firing(self) -> bool:
        """Whether the runs are compared by when their latents fire."""
        return ACTIVATIONS in self.view_names

    @property
    def alive(self) -> list[np.ndarray]:
        """For each run, which of its latents take part."""
        return [part.alive.mask.cpu().numpy() for part in self.parts]

    @property
    def n_documents(self) -> int:
        """Number of documents that the common tokens come from; 0 without activations."""
        return 0 if self.table is None else int(np.unique(self.table.documents).size)

    def view(self, name: str) -> View:
        """The view of this name."""
        return self.views[self.view_names.index(name)]

    def among(self, numbers: Sequence[int]) -> RunSet:
        """Some of the runs, compared by the same views on the same tokens."""
        return replace(self, parts=tuple(self.parts[number] for number in numbers))


def gather_runs(
    runs: Sequence[Dictionary | CodedRun],
    policy: Policy,
    caches: Sequence[ActivationCache] = (),
    *,
    codes: Path | None = None,
) -> RunSet:
    """The runs, checked to be comparable, and encoded on the activations where there are any.

    `caches` are one for each run, of the same texts. Latents take part by one rule for all runs:
    with activations, unless the policy says otherwise, those that fire. `codes` is a folder that
    keeps codes, so that a repeated call need not encode again.

    Raises:
        InvalidInputError: fewer than two runs, no common view, a view that was asked for and that
            a run lacks, or caches that do not fit the runs or each other.
    """
    if len(runs) < 2:
        raise InvalidInputError(
            f"a comparison needs at least two runs, got {len(runs)}; give more, or a folder of runs"
        )
    device = resolve_device(policy.device)
    coded = [run for run in runs if isinstance(run, CodedRun)] if is_coded(runs) else []
    if coded and caches:
        raise InvalidInputError(
            "caches of latents hold codes and no weights: leave out --activations"
        )
    dictionaries = [dictionary_of(run) for run in runs]
    views = choose_views(dictionaries, policy, device=device, activations=bool(coded or caches))
    recorded: list[Recorded] = []
    table = None
    if coded:
        recorded, table = recorded_alike(coded)
    elif caches:
        recorded, table = encode_runs(dictionaries, caches, device=device, folder=codes)
    gathered = RunSet(_parts(dictionaries, recorded, views, policy), views, table)
    kind = fitted_kind(policy.align)
    return gathered if kind is None else _aligned(gathered, kind, policy.seed)


def _aligned(runs: RunSet, kind: MapKind, seed: int) -> RunSet:
    """The runs with the directions of the second in the space of the first."""
    a, b = runs.parts
    assert a.recorded is not None
    assert b.recorded is not None
    assert runs.table is not None
    both, documents = (a.recorded, b.recorded), runs.table.documents
    fitted = fit_alignment(kind, both, documents, b.directions, seed=seed)
    moved = replace(b, traits=Traits(fitted.map.moved(b.directions), b.codes))
    return replace(runs, parts=(a, moved), fitted=fitted)


def groups(runs: RunSet) -> list[tuple[int, ...]]:
    """Numbers of the runs that share width and training step, the largest group first.

    Ties go to the wider, then to the later step. Runs alone in their group come last; where every
    run is alone, all are one group.
    """
    keys = [(run.d_sae, run.key.step or 0) for run in runs.dictionaries]
    ordered = sorted(range(len(keys)), key=lambda run: keys[run], reverse=True)
    found = [tuple(sorted(group)) for _, group in groupby(ordered, key=lambda run: keys[run])]
    if all(len(group) == 1 for group in found):
        return [tuple(range(len(keys)))]
    return sorted(found, key=len, reverse=True)


def _parts(
    dictionaries: Sequence[Dictionary],
    recorded: Sequence[Recorded],
    views: Sequence[View],
    policy: Policy,
) -> tuple[RunPart, ...]:
    names = distinct_names([(run.source.name, run.source.spec) for run in dictionaries])
    alive = alive_in(dictionaries, [one.codes for one in recorded], policy)
    parts = []
    for number, (name, run, mine) in enumerate(zip(names, dictionaries, alive, strict=True)):
        done = recorded[number] if recorded else None
        codes = None if done is None else done.codes
        parts.append(
            RunPart(
                name=name,
                dictionary=run if codes is None else _counted(run, codes),
                sha256=weights_hash(run),
                alive=mine,
                traits=traits_of(run, mine, [view.name for view in views], codes),
                recorded=done,
            )
        )
    return tuple(parts)


def _counted(run: Dictionary, codes: Codes) -> Dictionary:
    """The run with how often its latents fire on the common tokens."""
    return replace(run, firing=count_firing(codes, f"{codes.n_tokens} tokens"))


def distinct_names(found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """A short name for every (name, address), the address's folders added where names collide.

    What the same address gives twice is numbered.
    """
    different = list(dict.fromkeys(found))
    names = [name for name, _ in different]
    parents = [Path(spec).parts[:-1] for _, spec in different]
    for depth in range(1, 1 + max((len(parts) for parts in parents), default=0)):
        counts = Counter(names)
        names = [
            f"{parts[-depth]}/{name}" if counts[name] > 1 and depth <= len(parts) else name
            for name, parts in zip(names, parents, strict=True)
        ]
    given = dict(zip(different, names, strict=True))
    seen: Counter[str] = Counter()
    numbered = []
    for one in found:
        seen[given[one]] += 1
        name, times = given[one], seen[given[one]]
        numbered.append(name if times == 1 else f"{name} ({times})")
    return tuple(numbered)
