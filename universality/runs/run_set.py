"""The runs of a study: each loaded once, with one rule for which latents take part."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Int, Int64

from universality.activations.alignment import read_table
from universality.activations.cache import ActivationCache
from universality.alive import Alive, find_alive_in_all, find_firing
from universality.codes import Codes, rearrange_tokens, take_latents
from universality.compute.devices import resolve_device
from universality.dictionary import Dictionary, View
from universality.encoding.folder import CodesKey
from universality.encoding.streaming import codes_key, encode
from universality.errors import InvalidInputError
from universality.loading import weights_hash
from universality.runs.common_tokens import cache_for, common_rows
from universality.runs.policy import Policy
from universality.runs.views import Side, side


@final
@dataclass(frozen=True, eq=False)
class RunSet:
    """Runs that are compared with each other, and the views they can be compared in."""

    names: tuple[str, ...]
    """A name for each run, no two alike."""
    sides: tuple[Side, ...]
    """Each run, the latents of it that take part, and their rows."""
    hashes: tuple[str, ...]
    """Hash of each run's weights."""
    codes: tuple[Codes, ...]
    """What the latents that take part do on the shared tokens; empty without activations."""
    rows: tuple[Int64[np.ndarray, " n_tokens"], ...]
    """For each run, the row of its cache that each token is; empty without activations."""
    documents: Int[np.ndarray, " n_tokens"]
    """Document of each of these tokens; empty without activations."""
    wants_activations: bool
    """Whether the runs are also matched by when their latents fire."""
    digests: Mapping[tuple[int, str], str]
    """Hash of what enters a match, by number of the run and view."""

    @property
    def dictionaries(self) -> tuple[Dictionary, ...]:
        """The runs."""
        return tuple(side.dictionary for side in self.sides)

    @property
    def directions(self) -> tuple[View, ...]:
        """The views of directions that all runs share."""
        return tuple(
            view for view in self.dictionaries[0].views if view in self.sides[0].directions
        )

    @property
    def views(self) -> tuple[str, ...]:
        """The views that all runs can be compared in."""
        return (*self.directions, *(("activations",) if self.wants_activations else ()))

    @property
    def alive(self) -> list[np.ndarray]:
        """For each run, which of its latents take part."""
        return [side.alive.mask.cpu().numpy() for side in self.sides]


def gather_runs(
    runs: Sequence[Dictionary],
    policy: Policy,
    activations: Sequence[ActivationCache] = (),
    *,
    store: Path | None = None,
) -> RunSet:
    """The runs, checked to be comparable, and encoded on the activations where there are any.

    Several caches, of the same texts, serve runs of different models or hooks. Latents take part
    by one rule for all runs: with activations, unless the policy says otherwise, those that fire.

    Runs that live in spaces of different width have no directions to compare: only the view
    `activations` is left. `store` is a folder that keeps codes, so that an interrupted call need
    not encode again.

    Raises:
        InvalidInputError: fewer than two runs, no common view, or a view that was asked for and
            that a run lacks.
    """
    if len(runs) < 2:
        raise InvalidInputError(
            f"stability needs at least two runs, got {len(runs)}; give more, or a folder of runs"
        )
    directions = _common_directions(runs, policy.views, has_activations=bool(activations))
    caches = [cache_for(run, activations) for run in runs] if activations else []
    rows = common_rows(caches) if caches else []
    hashes = tuple(weights_hash(run) for run in runs)
    device = resolve_device(policy.device)
    keys = [codes_key(run, cache, device) for run, cache in zip(runs, caches, strict=False)]
    codes = [
        _on(at, encode(run, cache, folder=_codes_folder(store, key), device=device))
        for run, key, cache, at in zip(runs, keys, caches, rows, strict=False)
    ]
    masks = _alive(runs, codes, policy)
    sides = tuple(side(run, mask, directions) for run, mask in zip(runs, masks, strict=True))
    return RunSet(
        names=distinct_names([(run.source.name, run.source.spec) for run in runs]),
        sides=sides,
        hashes=hashes,
        codes=tuple(take_latents(c, s.numbers) for c, s in zip(codes, sides, strict=False)),
        rows=tuple(rows),
        documents=read_table(caches[0]).documents[rows[0]] if caches else np.zeros(0, np.int32),
        wants_activations=bool(codes) and (not policy.views or "activations" in policy.views),
        digests=_digests(sides, [key.digest for key in keys], rows),
    )


def _on(rows: Int64[np.ndarray, " n_tokens"], codes: Codes) -> Codes:
    everything = np.array_equal(rows, np.arange(codes.n_tokens))
    return codes if everything else rearrange_tokens(codes, rows)


def _codes_folder(store: Path | None, key: CodesKey) -> Path | None:
    return None if store is None else store / f"codes-{key.digest}"


def _alive(runs: Sequence[Dictionary], codes: Sequence[Codes], policy: Policy) -> Sequence[Alive]:
    if codes and policy.alive in ("auto", "firing"):
        pairs = zip(runs, codes, strict=True)
        return [find_firing(run, fires, policy.min_firing) for run, fires in pairs]
    return find_alive_in_all(runs, policy.alive)


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


def _common_directions(
    runs: Sequence[Dictionary], asked: tuple[str, ...] | None, *, has_activations: bool
) -> tuple[View, ...]:
    common = tuple(view for view in runs[0].views if all(view in run.views for run in runs))
    spaces = {view: {run.directions(view).shape[1] for run in runs} for view in common}
    same = tuple(view for view in common if len(spaces[view]) == 1)
    for view in asked or ():
        if view == "activations" and not has_activations:
            raise InvalidInputError("--view activations needs --activations DIR")
        if view != "activations" and view not in same:
            why = f"widths {sorted(spaces[view])}" if view in spaces else "a run lacks it"
            raise InvalidInputError(f"--view {view}: the runs do not share that view ({why})")
    if not same and not has_activations:
        widths = sorted({run.d_in for run in runs})
        raise InvalidInputError(
            f"the runs live in different spaces (d_in {widths}): their directions cannot be "
            "compared; pass --activations DIR to compare when their latents fire"
        )
    return same if asked is None else tuple(view for view in same if view in asked)


def _digests(
    sides: Sequence[Side],
    codes: Sequence[str],
    rows: Sequence[Int64[np.ndarray, " n_tokens"]],
) -> dict[tuple[int, str], str]:
    digests = {
        (number, view): array_digest(rows.float().cpu().numpy())
        for number, one in enumerate(sides)
        for view, rows in one.directions.items()
    }
    for number, (one, key, at) in enumerate(zip(sides, codes, rows, strict=False)):
        mask, tokens = array_digest(one.alive.mask.cpu().numpy()), array_digest(at)
        digests[number, "activations"] = f"{key}/{tokens}/{mask}"
    return digests


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array: numbers, shape and number format."""
    header = f"{array.dtype}{array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()
