"""Investigations that hold every table: of the toy language model's states, and of its neurons."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from tests.investigation.toy_language_model import (
    NEURONS,
    REAL,
    made_cache,
    made_language_model,
    made_run,
    made_run_on_neurons,
)
from universality.comparison import Policy, compare
from universality.investigation.investigating import investigate
from universality.results import Comparison
from universality.results.investigated import Investigation


@functools.cache
def made_investigation() -> Investigation:
    """Of the toy's feature, with a counterpart, proxies and a model."""
    with tempfile.TemporaryDirectory() as folder:
        return investigate(
            made_run("a"),
            REAL,
            made_cache(Path(folder) / "cache"),
            others=made_run("b"),
            model=made_language_model(),
            proxies=["regex:x", "regex:[ab]"],
            n_contexts=4,
            context_length=20,
            n_controls=3,
            progress=False,
        )


def made_comparison_of_toys(folder: Path) -> Comparison:
    """Two runs of the toy compared, with what their pairs do to it; writes its cache."""
    return compare(
        made_run("a"),
        made_run("b"),
        Policy(nulls=("geometry",), n_draws=2, held_out=False),
        activations=made_cache(folder / "toy-cache"),
        effects=made_language_model(),
        effect_pairs=6,
    )


@functools.cache
def made_investigation_of_neurons() -> Investigation:
    """Of a latent that is a neuron."""
    with tempfile.TemporaryDirectory() as folder:
        return investigate(
            made_run_on_neurons(),
            0,
            made_cache(Path(folder) / "cache", hook=NEURONS),
            model=made_language_model(),
            n_contexts=4,
            context_length=20,
            n_controls=1,
            progress=False,
        )
