"""Runs with their codes on the tokens that are asked about, whichever activations they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Int64

from universality.activations.cache import ActivationCache
from universality.activations.row_screen import rows_alone
from universality.codes import rearrange_tokens
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.encoding.streaming import codes_key, encode
from universality.errors import UnsupportedError
from universality.investigation.subjects import CodedOver, Reads
from universality.runs.common_tokens import common_rows, open_caches
from universality.runs.opening import Run, open_run
from universality.runs.run_set import distinct_names

RunElsewhere: TypeAlias = tuple[Run, ActivationCache | str | Path]
"""A run, and the activations that it reads: of another hook or model, on the same texts."""


@final
@dataclass(frozen=True, eq=False)
class RunsOnTokens:
    """Runs with their codes on the tokens that all their caches hold."""

    cache: ActivationCache
    """What the first of them reads, without rows that another cache lacks."""
    runs: list[CodedOver]
    """The runs in their order."""


def runs_on_tokens(
    here: Sequence[Run],
    activations: ActivationCache | str | Path,
    elsewhere: Sequence[RunElsewhere],
    random: RunElsewhere | None,
    *,
    device: torch.device,
    keep: Path | None,
    progress: bool,
) -> RunsOnTokens:
    """Runs of one cache, then those that read others, then that of random weights.

    Raises:
        InvalidInputError: the caches are not of the same texts (as `align`), a run does not read
            its cache, or as `load`.
        MissingFileError, FormatError, UnsafeFileError: as `load` and `open_activations`.
        UnsupportedError: a run has no weights.
        OutputError: `keep` holds something else.
    """
    apart: list[tuple[Run, ActivationCache | str | Path, Reads]] = [
        (run, where, "elsewhere") for run, where in elsewhere
    ]
    if random is not None:
        apart.append((*random, "random weights"))
    opened = opened_runs([*here, *(run for run, _, _ in apart)])
    caches = open_caches([activations, *(where for _, where, _ in apart)])
    first, *rest = common_rows(caches)
    cache = rows_alone(caches[0], first)
    coded = coded_runs(opened[: len(here)], cache, device, keep=keep, progress=progress)
    others = zip(opened[len(here) :], caches[1:], rest, apart, strict=True)
    for run, own, rows, (_, _, reads) in others:
        (over,) = coded_runs([run], own, device, keep=keep, progress=progress, reads=reads)
        coded.append(_on(over, rows))
    return RunsOnTokens(cache, coded)


def _on(over: CodedOver, rows: Int64[np.ndarray, " n_tokens"]) -> CodedOver:
    if np.array_equal(rows, np.arange(over.codes.n_tokens)):
        return over
    return replace(over, codes=rearrange_tokens(over.codes, rows))


def opened_runs(runs: Sequence[Run]) -> list[tuple[str, Dictionary]]:
    """The runs with a name for each that no other has.

    Raises:
        MissingFileError, FormatError, UnsafeFileError, InvalidInputError: as `load`.
        UnsupportedError: a run has no weights.
    """
    opened = [_with_weights(open_run(one)) for one in runs]
    names = distinct_names([(one.source.name, one.source.spec) for one in opened])
    return list(zip(names, opened, strict=True))


def coded_runs(
    runs: Sequence[tuple[str, Dictionary]],
    cache: ActivationCache,
    device: torch.device,
    *,
    keep: Path | None = None,
    progress: bool = True,
    reads: Reads = "here",
) -> list[CodedOver]:
    """The runs with their codes over a cache, which `keep` keeps.

    Raises:
        InvalidInputError, UnsupportedError, OutputError: as `encode`.
    """
    found = []
    for name, run in runs:
        folder = None if keep is None else keep / f"codes-{codes_key(run, cache, device).digest}"
        codes = encode(run, cache, folder=folder, device=device, progress=progress)
        found.append(CodedOver(name, run, codes, reads))
    return found


def _with_weights(run: Dictionary | CodedRun) -> Dictionary:
    match run:
        case Dictionary():
            return run
        case CodedRun():
            raise UnsupportedError(
                f"{run.dictionary.source.name} holds codes without weights; investigate the "
                "dictionary that they come from"
            )
