"""Every format that can be read: one module each, with `recognise` and `read`, listed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.loading.checkpoints import Checkpoint
from universality.loading.formats import (
    arena,
    bare,
    bartbussmann,
    cross_layer_transcoder,
    crosscoder,
    crosscoder_jkminder,
    deepseek_r1,
    dictionary_learning,
    dictionary_learning_jkminder,
    e2e_sae,
    gemma_scope,
    goodfire,
    llama_scope,
    lm_saes,
    mlsae,
    neel_nanda,
    openai,
    overcomplete,
    qwen_scope,
    saelens,
    sparse_coding,
    sparsify,
    transcoder,
)


def _only_one(checkpoint: Checkpoint) -> tuple[str, ...]:
    return ()


@final
@dataclass(frozen=True, eq=False)
class Format:
    """One way in which checkpoints lie on disk."""

    name: str
    """As `--format` spells it."""
    title: str
    """Who writes it."""
    recognise: Callable[[Checkpoint], bool]
    """Whether the weight file, with what lies beside it, is of this format."""
    read: Callable[[Checkpoint], Dictionary]
    """The canonical dictionary."""
    parts: Callable[[Checkpoint], tuple[str, ...]] = _only_one
    """Names of the dictionaries in a file that holds several; empty where it holds one."""


FORMATS: tuple[Format, ...] = (
    # First, for it refuses its pickles before any other format looks into them.
    Format(
        sparse_coding.NAME,
        "HoagyC, loganriggs sparse_coding",
        sparse_coding.recognise,
        sparse_coding.read,
        sparse_coding.parts,
    ),
    Format(saelens.NAME, "SAELens 3 to 6, and universality train", saelens.recognise, saelens.read),
    Format(
        dictionary_learning.NAME,
        "saprmarks/dictionary_learning",
        dictionary_learning.recognise,
        dictionary_learning.read,
    ),
    Format(
        dictionary_learning_jkminder.NAME,
        "jkminder/dictionary_learning",
        dictionary_learning_jkminder.recognise,
        dictionary_learning_jkminder.read,
    ),
    Format(sparsify.NAME, "EleutherAI/sparsify", sparsify.recognise, sparsify.read),
    Format(
        gemma_scope.NAME, "Gemma Scope and Gemma Scope 2", gemma_scope.recognise, gemma_scope.read
    ),
    Format(llama_scope.NAME, "Llama Scope, native order", llama_scope.recognise, llama_scope.read),
    Format(
        lm_saes.NAME, "OpenMOSS lm-saes 2, Llama Scope R1-Distill", lm_saes.recognise, lm_saes.read
    ),
    Format(openai.NAME, "OpenAI sparse_autoencoder", openai.recognise, openai.read),
    Format(neel_nanda.NAME, "Neel Nanda, ckkissane", neel_nanda.recognise, neel_nanda.read),
    Format(
        bartbussmann.NAME,
        "BatchTopK and Matryoshka SAEs of bartbussmann",
        bartbussmann.recognise,
        bartbussmann.read,
    ),
    Format(qwen_scope.NAME, "Qwen-Scope", qwen_scope.recognise, qwen_scope.read),
    Format(goodfire.NAME, "Goodfire", goodfire.recognise, goodfire.read),
    Format(deepseek_r1.NAME, "qresearch DeepSeek-R1", deepseek_r1.recognise, deepseek_r1.read),
    Format(mlsae.NAME, "tim-lawson/mlsae", mlsae.recognise, mlsae.read),
    Format(
        overcomplete.NAME,
        "KempnerInstitute/overcomplete",
        overcomplete.recognise,
        overcomplete.read,
    ),
    Format(transcoder.NAME, "circuit-tracer, mwhanna", transcoder.recognise, transcoder.read),
    Format(
        cross_layer_transcoder.NAME,
        "mntss, Gemma Scope 2 CLT",
        cross_layer_transcoder.recognise,
        cross_layer_transcoder.read,
        cross_layer_transcoder.parts,
    ),
    Format(
        crosscoder.NAME,
        "ckkissane and neelnanda-io crosscoders",
        crosscoder.recognise,
        crosscoder.read,
        crosscoder.parts,
    ),
    Format(
        crosscoder_jkminder.NAME,
        "jkminder crosscoders",
        crosscoder_jkminder.recognise,
        crosscoder_jkminder.read,
        crosscoder_jkminder.parts,
    ),
    Format(e2e_sae.NAME, "Apollo e2e_sae", e2e_sae.recognise, e2e_sae.read, e2e_sae.parts),
    Format(arena.NAME, "ARENA ToySAE", arena.recognise, arena.read, arena.parts),
)
"""The formats of libraries; a file that none of them recognises may still be a bare decoder."""

BARE_DECODER = Format(bare.NAME, "a bare decoder matrix", bare.recognise, bare.read)
"""Directions alone, the last resort."""


def format_named(name: str) -> Format:
    """The format that `--format` names (without what follows a colon).

    Raises:
        InvalidInputError: there is no such format; the known ones are listed.
    """
    for candidate in (*FORMATS, BARE_DECODER):
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted(candidate.name for candidate in (*FORMATS, BARE_DECODER)))
    raise InvalidInputError(f"unknown format {name!r}; known are {known}")
