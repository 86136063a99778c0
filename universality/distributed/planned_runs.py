"""What a plan is of, opened: the runs and caches, as each worker reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, assert_never, final

import torch

from universality.activations.cache import ActivationCache
from universality.compute.devices import resolve_device
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.loading import weights_hash
from universality.runs.alive import Alive
from universality.runs.choosing import choose_views
from universality.runs.common_tokens import cache_for, caches_of_two, open_caches
from universality.runs.opening import dictionary_of, is_coded, open_run, open_runs
from universality.runs.part import RunPart
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet, distinct_names, gather_runs
from universality.runs.views import Traits
from universality.storage.kept import PairStore
from universality.storage.manifest import hash_file


@final
@dataclass(frozen=True, eq=False)
class PlannedRuns:
    """The runs of a command, and the caches they read."""

    opened: tuple[Dictionary | CodedRun, ...]
    """The runs, in the order of the command."""
    caches: tuple[ActivationCache, ...]
    """One for each run, or none."""
    policy: Policy
    """What was decided beforehand."""
    files: Mapping[str, Path]
    """Other files that decide what is compared, by option."""

    @cached_property
    def dictionaries(self) -> tuple[Dictionary, ...]:
        """What is known of each run."""
        return tuple(dictionary_of(run) for run in self.opened)

    @cached_property
    def outline(self) -> RunSet:
        """The runs before anything is encoded: every latent takes part, with no rows and codes."""
        device = resolve_device(self.policy.device)
        fires = bool(self.caches) or is_coded(self.opened)
        views = choose_views(self.dictionaries, self.policy, device=device, activations=fires)
        names = distinct_names([(run.source.name, run.source.spec) for run in self.dictionaries])
        parts = [
            RunPart(name, run, weights_hash(run), _everything(run), Traits({}))
            for name, run in zip(names, self.dictionaries, strict=True)
        ]
        return RunSet(tuple(parts), views, None)

    @cached_property
    def inputs(self) -> dict[str, str]:
        """Hash of each run and cache, by what it is."""
        found = {f"run {part.name}": part.sha256 for part in self.outline.parts}
        found |= {
            f"activations of {part.name}": f"{cache.meta.sha256}/{len(cache)}"
            for part, cache in zip(self.outline.parts, self.caches, strict=False)
        }
        return found | {option: hash_file(path) for option, path in self.files.items()}

    def gathered(self, store: PairStore) -> RunSet:
        """The runs as the command gathers them; codes are read from the store's folder."""
        return gather_runs(self.opened, self.policy, self.caches, codes=store.folder)


def open_planned(
    command: Literal["compare", "stability"], arguments: Mapping[str, Any], policy: Policy
) -> PlannedRuns:
    """The runs and caches that a command with these arguments reads.

    Raises:
        MissingFileError, FormatError, UnsafeFileError, InvalidInputError: as the command.
    """
    form = {name: arguments.get(name) for name in ("format", "orientation")}
    activations = arguments.get("activations") or ()
    match command:
        case "compare":
            two = [open_run(arguments[side], **form) for side in ("a", "b")]
            caches = caches_of_two(activations, rows=policy.rows) if activations else []
            return PlannedRuns(tuple(two), tuple(caches), policy, {})
        case "stability":
            keys = arguments.get("keys")
            many = open_runs(arguments["runs"], keys=keys, **form)
            given = open_caches(activations, rows=policy.rows)
            own = [cache_for(dictionary_of(run), given) for run in many] if given else []
            files = {} if keys is None else {"--keys": Path(keys)}
            return PlannedRuns(tuple(many), tuple(own), policy, files)
        case _:
            assert_never(command)


def restricted_to(runs: RunSet, numbers: Sequence[int], view: str | None = None) -> RunSet:
    """Some of the runs, in one view or in all."""
    some = runs.among(numbers)
    views = some.views if view is None else (runs.view(view),)
    return RunSet(some.parts, views, some.table)


def _everything(run: Dictionary) -> Alive:
    mask = torch.ones(run.d_sae, dtype=torch.bool)
    return Alive(mask=mask, source="planned", n_zero_rows=0, rare=~mask)
