"""Where what a command reads lies, so that nothing is written over it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from universality.activations.cache import ActivationCache
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.runs.opening import dictionary_of

Read: TypeAlias = "Dictionary | CodedRun | ActivationCache | str | Path | None"
"""What a command may read; None where an option was not given."""


def paths_of(*inputs: Read) -> list[str | Path]:
    """Where inputs lie: files of weights, folders, and addresses, which may be no paths."""
    found: list[str | Path] = []
    for one in inputs:
        match one:
            case Dictionary() | CodedRun():
                found += dictionary_of(one).source.weight_files
            case ActivationCache():
                found.append(one.path)
            case str() | Path():
                found.append(one)
            case None:
                pass
    return found
