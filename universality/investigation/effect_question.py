"""Does the model use it? Each latent taken away and held, beside random latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from universality.investigation.asked import Asked
from universality.investigation.causal_effects import Effects, ablate, pin, run_clean
from universality.investigation.context_windows import windows_around
from universality.investigation.latent_tables import (
    Shown,
    effects_table,
    labelled,
    promoted_table,
)
from universality.investigation.matched_controls import control_table, effect_numbers
from universality.investigation.subjects import Subject
from universality.models.unembedding import token_strings


def effect_question(asked: Asked, subjects: Sequence[Subject]) -> dict[str, pd.DataFrame]:
    """What each latent does in contexts of its own, and its controls.

    Tables `effects`, `promoted` and `controls`; none without a model, or for a dead latent.
    """
    at, plan, corpus = asked.at, asked.plan, asked.corpus
    if at is None or asked.subject.kind == "dead":
        return {}
    strings = token_strings(at.model, len(at.readout.W_U))
    effects, promoted, numbers = [], [], []
    for one in subjects:
        if one.kind == "dead":
            continue
        windows = windows_around(corpus, one.trace, n=plan.n_contexts, length=plan.length)
        clean = run_clean(at, windows)
        found = ablate(at, clean, one.over.run, one.latent)
        value = one.about["largest"] if asked.pin is None else asked.pin
        held = pin(at, clean, one.over.run, one.latent, value=value)
        shown = Shown(one.over.name, one.latent, one.trace)
        effects.append(labelled(shown, effects_table(clean, found, held, corpus)))
        promoted.append(labelled(shown, promoted_table(held, strings)))
        role = "asked about" if one is asked.subject else "counterpart"
        numbers.append(labelled(shown, _own_numbers(one, found, role)))
    if plan.n_controls:
        controls = control_table(
            at, asked.subject, corpus, plan, store=asked.kept, progress=asked.progress
        )
        controls.insert(0, "run", asked.subject.over.name)
        numbers.append(controls.assign(role="control"))
    return {
        "effects": pd.concat(effects, ignore_index=True),
        "promoted": pd.concat(promoted, ignore_index=True),
        "controls": pd.concat(numbers, ignore_index=True),
    }


def _own_numbers(one: Subject, found: Effects, role: str) -> pd.DataFrame:
    about = {name: one.about[name] for name in ("frequency", "decoder_norm")}
    return pd.DataFrame([about | effect_numbers(found) | {"role": role}])


def effect_headline(controls: pd.DataFrame) -> dict[str, Any]:
    """The effect of the latent that is asked about, and where it lies among its controls."""
    own, random = controls.iloc[0], controls[controls["role"] == "control"]
    names = ("at_firing", "mean_size", "mean_direct_size")
    return {
        **{name: float(own[name]) for name in names},
        "n_firings": int(own["n_firings"]),
        "n_positions": int(own["n_positions"]),
        "control_mean_size": float(random["mean_size"].mean()) if len(random) else np.nan,
        "n_controls": len(random),
        "n_controls_above": int((random["mean_size"] >= own["mean_size"]).sum()),
    }
