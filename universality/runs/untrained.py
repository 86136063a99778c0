"""The floor of the activations view: autoencoders at initialisation, over the same tokens.

Codes of two random dictionaries are alike where the tokens are: both are sparse pictures of the
same activations. The tokens null does not see that, since it takes the tokens apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from universality.activation_functions import AbsTopK, TopK
from universality.activations.cache import ActivationCache
from universality.codes import Codes, take_latents
from universality.dictionary import Dictionary
from universality.nulls.rotation import unit_rows
from universality.runs.common_tokens import encode_runs
from universality.runs.part import RunPart

MOST_PRODUCTS = 1 << 40
"""Multiplications that one encoding of a draw may take: half a minute on one core."""


def shortened_for(parts: Sequence[RunPart]) -> tuple[list[ActivationCache], str]:
    """The caches that draws encode, and a note where these are only the beginning.

    Where encoding would take long, only the first files are read; fewer tokens raise the floor.
    """
    recorded = [part.recorded for part in parts if part.recorded is not None]
    sizes = [part.dictionary.d_sae * part.dictionary.d_in for part in parts]
    cost = max(n * one.codes.n_tokens for n, one in zip(sizes, recorded, strict=True))
    caches = [shortened(one.cache, MOST_PRODUCTS / cost) for one in recorded]
    n_tokens, n_all = len(caches[0]), len(recorded[0].cache)
    return caches, "" if n_tokens == n_all else f"on the first {n_tokens:,} of {n_all:,} tokens"


def untrained_codes(
    parts: Sequence[RunPart],
    caches: Sequence[ActivationCache],
    *,
    seed: int,
    min_firing: int,
    device: torch.device,
) -> list[Codes]:
    """Codes of runs of these shapes before any training, over the same tokens.

    Isotropic encoder rows, as many active latents per token as the run has, tokens centred and
    scaled as the run does. Latents take part that fire on `min_firing` tokens; at initialisation
    many never do.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = [
        untrained_like(part.dictionary, part.recorded.codes, generator=generator)
        for part in parts
        if part.recorded is not None
    ]
    recorded, _ = encode_runs(drawn, caches, device=device, progress=False)
    return [_alive(one.codes, min_firing) for one in recorded]


def untrained_like(run: Dictionary, codes: Codes, *, generator: torch.Generator) -> Dictionary:
    """A run of the same shape at initialisation, with as many active latents per token."""
    active = max(1, round(codes.n_entries / codes.n_tokens))
    rule = run.activation_fn if isinstance(run.activation_fn, TopK | AbsTopK) else TopK(active)
    rows = unit_rows(run.d_sae, run.d_in, generator=generator)
    return replace(run, W_enc=rows, b_enc=None, activation_fn=rule, firing=None)


def shortened(cache: ActivationCache, fraction: float) -> ActivationCache:
    """The first files of a cache, about this fraction of them and at least one."""
    shards = cache.meta.shards[: max(1, round(fraction * len(cache.meta.shards)))]
    n_rows = sum(shard.n_tokens for shard in shards)
    kept = None if cache.kept is None else cache.kept[cache.kept < n_rows]
    n_tokens = n_rows if kept is None else len(kept)
    meta = replace(cache.meta, shards=shards, n_tokens=n_tokens)
    return replace(cache, meta=meta, kept=kept)


def _alive(codes: Codes, minimum: int) -> Codes:
    fires = codes.varies & (codes.count >= minimum)
    return take_latents(codes, np.flatnonzero(fires if fires.any() else codes.varies))
