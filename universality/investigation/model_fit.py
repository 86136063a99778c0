"""Is this the model that the activations are of? Its tokenizer, and its states on their text."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from universality.activations.cache import read_activations
from universality.errors import InvalidInputError
from universality.investigation.causal_effects import HookedModel
from universality.investigation.corpus import Corpus
from universality.models.interventions import run_edited
from universality.models.language_model import tokenizer_hash

_LEAST_COSINE = 0.9
"""Rounding to bfloat16 or four bits leaves .99 and more; another model gives near 0."""


def fitted_model(at: HookedModel, corpus: Corpus) -> dict[str, Any]:
    """What the summary says of the model, when it is the one of the cache.

    Its first window is run as it was collected, and its states are held against the cached rows.

    Raises:
        InvalidInputError: the tokenizer, or the states, are not those of the cache.
    """
    meta = corpus.cache.meta
    highest = int(corpus.stream.tokens.max())
    if meta.tokenizer_sha256 and tokenizer_hash(at.model.tokenizer) != meta.tokenizer_sha256:
        raise InvalidInputError(
            f"--model {at.model.name}: its tokenizer is not the one {corpus.cache.path} was made "
            f"with; give the model of the cache ({meta.model_name})"
        )
    if highest >= len(at.readout.W_U):
        raise InvalidInputError(
            f"--model {at.model.name}: it has {len(at.readout.W_U):,} tokens, the texts of "
            f"{corpus.cache.path} use number {highest}; give the model of the cache "
            f"({meta.model_name})"
        )
    cosine = _cosine(at, corpus)
    if cosine is not None and not cosine >= _LEAST_COSINE:
        raise InvalidInputError(
            f"--model {at.model.name}: on the texts of {corpus.cache.path} its states at "
            f"{at.hook.name} have a median cosine of {cosine:.3f} with the cached ones; give the "
            f"model of the cache ({meta.model_name}), with the same weights"
        )
    return {
        "name": at.model.name,
        "dtype": str(at.model.dtype).removeprefix("torch."),
        "readout": at.readout.description,
        "state_cosine": cosine,
    }


def _cosine(at: HookedModel, corpus: Corpus) -> float | None:
    """Median cosine of the states of the first window with the cached rows; None without rows."""
    meta, stream = corpus.cache.meta, corpus.stream
    lead = [] if meta.bos is None else [meta.bos]
    stop = min(int(stream.starts[1]), meta.context - len(lead))
    rows = stream.row_of[:stop]
    tokens = torch.tensor([[*lead, *stream.tokens[:stop].tolist()]], device=at.model.device)
    state = run_edited(
        at.model.module, at.hook, tokens, torch.ones_like(tokens), blocks=at.model.blocks
    ).state[0, len(lead) :]
    there = rows >= 0
    if not there.any():
        return None
    cached = read_activations(corpus.cache, rows[there]).double()
    cosines = torch.cosine_similarity(state[there.to(state.device)].cpu().double(), cached, dim=1)
    return float(np.median(cosines.numpy()))
