"""Activations of a model on texts, as `universality activations collect` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import torch

from universality.activations.cache import ActivationCache
from universality.activations.collection import collect_into
from universality.activations.collection_plan import hook_folders
from universality.activations.documents import Document, read_documents
from universality.compute.devices import resolve_device
from universality.models.language_model import LanguageModel, load_language_model
from universality.models.precision import DTYPES, resolve_dtype
from universality.validation import (
    DEVICE,
    FLAG,
    PATH,
    TEXT,
    Is,
    Number,
    OneOf,
    Several,
    as_tuple,
    either,
    takes,
)

Text: TypeAlias = "Document | str | Path"
"""A document, or a .txt, .jsonl or .json file of them."""


@takes(
    model=Is((LanguageModel, str, Path), "a language model, or the address of one"),
    hooks=Several(TEXT),
    texts=Several(Is((Document, str, Path), "a document, or a path")),
    out=PATH,
    field=TEXT,
    context=Number(3, whole=True),
    max_tokens=either(Number(1, whole=True), None),
    shard_tokens=Number(1, whole=True),
    prepend_bos=either(FLAG, None),
    drop_special=FLAG,
    random_weights=either(Number(0, whole=True), None),
    dtype=OneOf(("auto", *DTYPES)),
    device=DEVICE,
    progress=FLAG,
)
def collect(
    model: LanguageModel | str | Path,
    hooks: str | Sequence[str],
    texts: Text | Sequence[Text],
    out: str | Path,
    *,
    field: str = "text",
    context: int = 256,
    max_tokens: int | None = None,
    shard_tokens: int = 32_768,
    prepend_bos: bool | None = None,
    drop_special: bool = True,
    random_weights: int | None = None,
    dtype: str = "auto",
    device: torch.device | str | None = None,
    progress: bool = False,
) -> dict[str, ActivationCache]:
    """The caches of a model's hidden states at hooks, by hook, from one pass over the texts.

    One hook writes to `out` itself, several each to a folder of its name in it. What is left out
    of a cache, and what happens after an interruption, is as `collection.collect_into` says.

    Args:
        model: A loaded model, or a local Hugging Face folder, a .gguf file, a hub id.
        hooks: Such as `blocks.8.hook_resid_post`; one or several.
        texts: .txt, .jsonl or .json files, or documents.
        out: Folder to write.
        field: Key of the text in JSON records.
        context: Longest window, in tokens.
        max_tokens: Stop after this many tokens.
        shard_tokens: Tokens per file.
        prepend_bos: Whether a beginning-of-sequence token stands before each window; as the
            tokenizer does if None.
        drop_special: Whether rows of special tokens are left out.
        random_weights: Seed of the weights the model had before any training, given to it; for a
            model that is not loaded yet.
        dtype: `auto`, `float32` or `bfloat16`; of a model that is not loaded yet.
        device: Where a model that is not loaded yet runs; the CPU if None.
        progress: Show a bar on stderr.

    Raises:
        InvalidInputError: an argument does not fit, the hook is unknown, or no text is left.
        MissingFileError, FormatError, MissingDependencyError: as `load_language_model` and
            `read_documents`.
        OutputError: `out` holds something else, or was begun with other inputs.
        UnsupportedError: a hidden state does not fit into float16.
    """
    folders = hook_folders(Path(out), as_tuple(hooks))
    documents = [document for text in as_tuple(texts) for document in _documents(text, field)]
    if not isinstance(model, LanguageModel):
        place = resolve_device(device or "cpu")
        model = load_language_model(
            model,
            dtype=resolve_dtype(dtype, place),
            device=place,
            random_weights=random_weights,
        )
    return collect_into(
        model,
        documents,
        folders,
        context=context,
        shard_tokens=shard_tokens,
        max_tokens=max_tokens,
        prepend_bos=prepend_bos,
        drop_special=drop_special,
        progress=progress,
    )


def _documents(text: Text, field: str) -> Sequence[Document]:
    return [text] if isinstance(text, Document) else read_documents([Path(text)], field=field)
