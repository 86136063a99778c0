"""What random latents of the same run do, which fire as often and write as long a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
from tqdm import tqdm

from universality.encoding.encoder_hash import encoder_hash
from universality.investigation.causal_effects import Effects, HookedModel, ablate, run_clean
from universality.investigation.context_windows import windows_around
from universality.investigation.corpus import Corpus
from universality.investigation.subjects import Subject, matched_latents, subject_of
from universality.models.fingerprint import model_hash
from universality.storage.kept import PairStore, kept


@final
@dataclass(frozen=True)
class ContextPlan:
    """In how many contexts of which length effects are measured."""

    n_contexts: int = 10
    """Contexts of the latent that is asked about."""
    n_paired: int = 5
    """Contexts of each side of a pair, and of each control."""
    length: int = 64
    """Tokens of each."""
    n_controls: int = 10
    """Random latents of the same run that stand beside it."""
    n_random_pairs: int = 5
    """Random latents of the other run that stand beside its partner."""
    seed: int = 0
    """Of what is drawn."""


def effect_numbers(effects: Effects) -> dict[str, float]:
    """An effect in numbers: over the firings, and over all positions from the first one on.

    `at_firing` is the mean effect on the token after a firing, `mean_size` the mean absolute effect
    on all that can change, `mean_direct_size` the same of the direct effect (NaN where unknown).
    """
    fires, reached = effects.codes[:, :-1] != 0, effects.reached
    total, direct = effects.total.double(), effects.direct
    sizes = {
        "at_firing": float(total[fires].mean()) if fires.any() else np.nan,
        "mean_size": float(total[reached].abs().mean()) if reached.any() else np.nan,
        "mean_direct_size": float(direct.double()[reached].abs().mean())
        if direct is not None and reached.any()
        else np.nan,
    }
    return sizes | {"n_firings": int(fires.sum()), "n_positions": int(reached.sum())}


def control_table(
    at: HookedModel,
    subject: Subject,
    corpus: Corpus,
    plan: ContextPlan,
    *,
    store: PairStore | None,
    progress: bool,
) -> pd.DataFrame:
    """One row per control: `latent`, `frequency`, `decoder_norm` and what `effect_numbers` says.

    What was measured for a latent is kept in the store, for the next one that it is a control of.
    """
    about, over = subject.about, subject.over
    latents = matched_latents(
        over,
        about["frequency"],
        norm=about["decoder_norm"],
        n=plan.n_controls,
        without=subject.latent,
        seed=plan.seed,
    )
    key = _key(at, subject, corpus, plan) if store is not None else ""
    rows = []
    bar = tqdm(latents, "random latents", leave=False, disable=None if progress else True)
    for latent in bar:
        control = subject_of(over, latent)

        def measure(control: Subject = control) -> dict[str, np.ndarray]:
            numbers = _measured(at, control, corpus, plan)
            return {name: np.array(one) for name, one in numbers.items()}

        found = kept(store, f"{key}/{latent}", measure)
        known = {name: found[name].item() for name in found}
        own = control.about
        rows.append({name: own[name] for name in ("latent", "frequency", "decoder_norm")} | known)
    return pd.DataFrame(rows)


def _measured(
    at: HookedModel, control: Subject, corpus: Corpus, plan: ContextPlan
) -> dict[str, Any]:
    windows = windows_around(corpus, control.trace, n=plan.n_paired, length=plan.length)
    clean = run_clean(at, windows)
    return effect_numbers(ablate(at, clean, control.over.run, control.latent))


def _key(at: HookedModel, subject: Subject, corpus: Corpus, plan: ContextPlan) -> str:
    """All that the effect of one latent of a run depends on."""
    parts = (
        encoder_hash(subject.over.run),
        corpus.cache.meta.sha256,
        model_hash(at.model.module),
        at.hook.name,
        f"{plan.n_paired} contexts of {plan.length}",
        str(at.model.device),
    )
    return "control/" + "/".join(parts)
