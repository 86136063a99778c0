"""Running a model over texts and keeping what passes its hooks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from universality.activations.cache import (
    ActivationCache,
    CacheMeta,
    ShardEntry,
    file_hash,
    open_cache,
    write_meta,
)
from universality.activations.collection_plan import (
    Collection,
    begun_collection,
    check_numbers,
    is_finished,
)
from universality.activations.contexts import write_tokens
from universality.activations.documents import Document, text_hash, without_duplicates
from universality.activations.row_screen import high_norm
from universality.activations.shards import (
    ROW_FIELDS,
    Rows,
    collection_of,
    concatenate,
    read_counts,
    read_shard,
    write_shard,
)
from universality.activations.windows import (
    Window,
    batches,
    bos_token,
    cut_at,
    cut_windows,
    limit_rows,
    pad,
    special_tokens,
    windows_hash,
)
from universality.errors import FormatError, InvalidInputError, UnsupportedError
from universality.models.fingerprint import model_hash
from universality.models.hooks import HookPoint, record, resolve_hook
from universality.models.language_model import LanguageModel, tokenizer_hash
from universality.storage.staged_files import staged_file

_BATCH_TOKENS = 4096


def collect_into(
    model: LanguageModel,
    documents: Sequence[Document],
    folders: Mapping[str, Path],
    *,
    context: int = 256,
    shard_tokens: int = 32_768,
    max_tokens: int | None = None,
    prepend_bos: bool | None = None,
    drop_special: bool = True,
    progress: bool = False,
) -> dict[str, ActivationCache]:
    """The caches of several hooks, by name, from one pass of the model; `folders` says where.

    Each is as it would be made alone. Rows of high norm differ between hooks, so the caches need
    not be of one length; each says which token of which document every row is.

    Left out are the first position of every window (its norm is ten to three hundred times the
    others'), rows with a norm above ten times the median of their shard, rows of special tokens
    unless `drop_special` is off, and repeated documents; the counts are in the cache's
    `meta.dropped`. A beginning-of-sequence token stands before each window where the tokenizer
    itself puts one (`prepend_bos` None), always or never; it is then the first position, and every
    token of the text has a row. The same inputs give the same bytes. Interrupted, it leaves whole
    shards and no `meta.json`; called again with the same inputs it goes on after the last of them.

    Raises:
        InvalidInputError: a number is out of range, a hook is unknown, no text is left, or the
            tokenizer does not fit the model or has no token for `prepend_bos`.
        OutputError: a folder holds something else, or was begun with other inputs; the disk is
            full.
        UnsupportedError: a hidden state does not fit into float16.
    """
    check_numbers(context=context, shard_tokens=shard_tokens, max_tokens=max_tokens)
    for name in folders:
        resolve_hook(model.module, name, blocks=model.blocks)
    bos = bos_token(model.tokenizer, prepend=prepend_bos)
    unique = without_duplicates(documents)
    windows = cut_windows(unique, model.tokenizer, context=context, bos=bos)
    if max_tokens is not None:
        windows = limit_rows(windows, max_tokens, has_bos=bos is not None)
    _check_fits(model, windows, context)
    special = special_tokens(model.tokenizer) if drop_special else []
    about_model, about_windows = model_hash(model.module), windows_hash(windows)
    plans = {
        name: Collection(
            model_name=model.name,
            model_dtype=str(model.dtype).removeprefix("torch."),
            hook_name=name,
            context=context,
            shard_tokens=shard_tokens,
            max_tokens=max_tokens,
            bos=bos,
            tokenizer_sha256=tokenizer_hash(model.tokenizer),
            text_sha256=text_hash(unique),
            drop_special=drop_special,
            special_tokens=tuple(special),
            model_sha256=about_model,
            windows_sha256=about_windows,
            device=model.device.type,
        )
        for name in folders
    }
    unfinished = {name: at for name, at in folders.items() if not is_finished(at, plans[name])}
    dropped = {
        "special": _n_special(windows, bos, torch.tensor(special, dtype=torch.int32)),
        "duplicate_documents": len(documents) - len(unique),
    }
    with ExitStack() as claims:
        for name, folder in unfinished.items():
            claims.enter_context(begun_collection(folder, plans[name]))
        _write_shards(model, windows, unfinished, plans, progress=progress)
        for name, folder in unfinished.items():
            _finish(folder, plans[name], unique, windows, dropped, model.tokenizer)
    return {name: open_cache(folder) for name, folder in folders.items()}


def _write_shards(
    model: LanguageModel,
    windows: Sequence[Window],
    folders: Mapping[str, Path],
    plans: Mapping[str, Collection],
    *,
    progress: bool,
) -> None:
    """Write every shard that is not there, one pass of the model for all hooks that lack it."""
    if not folders:
        return
    plan = next(iter(plans.values()))
    special = torch.tensor(plan.special_tokens, dtype=torch.int32)
    hooks = {name: resolve_hook(model.module, name, blocks=model.blocks) for name in folders}
    shards = cut_at(windows, plan.shard_tokens)
    for number, shard in enumerate(tqdm(shards, unit="shard", disable=not progress)):
        paths = {name: folder / _shard_name(number) for name, folder in folders.items()}
        missing = [hooks[n] for n, path in paths.items() if not _is_done(path, plans[n])]
        found = _run(model, missing, shard, bos=plan.bos, special=special) if missing else {}
        for name, (rows, counts) in found.items():
            write_shard(paths[name], rows, counts, plans[name].digest)


def _is_done(path: Path, plan: Collection) -> bool:
    """Whether the shard is there.

    Raises:
        FormatError: there is one of another collection, or a damaged one.
    """
    if not os.path.lexists(path):
        return False
    if collection_of(path) != plan.digest:
        raise FormatError(
            f"{path}: holds rows of another collection; move it away, or choose another --out"
        )
    return True


def _check_fits(model: LanguageModel, windows: Sequence[Window], context: int) -> None:
    if not windows:
        raise InvalidInputError("--text: the files hold no document of two tokens or more")
    limit = model.longest_context
    if limit is not None and context > limit:
        raise InvalidInputError(
            f"--context {context}: {model.name} reads at most {limit} tokens at once"
        )
    highest = max(int(window.tokens.max()) for window in windows)
    if highest >= model.n_embeddings:
        raise InvalidInputError(
            f"{model.name}: the tokenizer gives token {highest}, the model embeds "
            f"{model.n_embeddings} tokens; they do not belong together, so pass a --model with its "
            "own tokenizer"
        )


def _shard_name(number: int) -> str:
    return f"acts-{number:05d}.safetensors"


def _run(
    model: LanguageModel,
    hooks: Sequence[HookPoint],
    windows: Sequence[Window],
    *,
    bos: int | None,
    special: Tensor,
) -> dict[str, tuple[Rows, dict[str, int]]]:
    """The rows of each hook, and how many were dropped."""
    parts: dict[str, dict[int, Rows]] = {hook.name: {} for hook in hooks}
    for batch in batches(windows, _BATCH_TOKENS):
        chosen = [windows[index] for index in batch]
        tokens, mask = (part.to(model.device) for part in pad(chosen, bos))
        recorded = record(model.module, hooks, tokens, mask)
        for name, states in recorded.items():
            for index, window, state in zip(batch, chosen, states.float().cpu(), strict=True):
                parts[name][index] = _rows(window, state, bos=bos, special=special)
    return {
        name: _kept(name, [found[index] for index in range(len(windows))])
        for name, found in parts.items()
    }


def _kept(name: str, windows: list[Rows]) -> tuple[Rows, dict[str, int]]:
    rows = concatenate(windows)
    kept = _without_high_norms(rows)
    if not torch.isfinite(kept.activations.half()).all():
        raise UnsupportedError(f"{name}: hidden states do not fit into float16 (above 65,504)")
    counts = {"first_position": len(windows), "high_norm": len(rows) - len(kept)}
    return _half(kept), counts


def _rows(window: Window, state: Tensor, *, bos: int | None, special: Tensor) -> Rows:
    first = _first_row(bos)
    tokens = torch.from_numpy(window.tokens)[first:]
    positions = torch.arange(first, len(window.tokens), dtype=torch.int32) + window.start
    documents = torch.full_like(tokens, window.document)
    rows = Rows(state[1 : 1 + len(tokens)], tokens, documents, positions)
    return _chosen(rows, ~torch.isin(tokens, special))


def _first_row(bos: int | None) -> int:
    return 0 if bos is not None else 1


def _n_special(windows: Sequence[Window], bos: int | None, special: Tensor) -> int:
    first = _first_row(bos)
    return sum(int(np.isin(window.tokens[first:], special).sum()) for window in windows)


def _without_high_norms(rows: Rows) -> Rows:
    return _chosen(rows, ~high_norm(rows.activations.norm(dim=1)))


def _chosen(rows: Rows, kept: Tensor) -> Rows:
    return Rows(*(getattr(rows, field)[kept] for field in ROW_FIELDS))


def _half(rows: Rows) -> Rows:
    return Rows(rows.activations.half(), rows.tokens, rows.documents, rows.positions)


def _finish(
    out: Path,
    plan: Collection,
    documents: Sequence[Document],
    windows: Sequence[Window],
    dropped: dict[str, int],
    tokenizer: Any,
) -> None:
    paths = [out / _shard_name(number) for number in range(len(cut_at(windows, plan.shard_tokens)))]
    counts = [read_counts(path) for path in paths]
    by_shard = {key: sum(c[key] for c in counts) for key in ("first_position", "high_norm")}
    tokens = sorted({int(token) for window in windows for token in window.tokens})
    used = windows[-1].document + 1
    write_tokens(out, windows)
    _write_json(out / "vocabulary.json", {token: tokenizer.decode([token]) for token in tokens})
    _write_json(out / "documents.json", [document.name for document in documents[:used]])
    kept = {field.name for field in fields(CacheMeta)}
    inputs = {name: value for name, value in vars(plan).items() if name in kept}
    meta = CacheMeta(
        **inputs,
        d_in=_width(paths[0]),
        dtype="float16",
        n_tokens=sum(c["n_tokens"] for c in counts),
        n_documents=used,
        dropped=by_shard | dropped,
        shards=tuple(
            ShardEntry(path.name, count["n_tokens"], file_hash(path))
            for path, count in zip(paths, counts, strict=True)
        ),
    )
    write_meta(out, meta)


def _write_json(path: Path, content: Any) -> None:
    with staged_file(path) as staged:
        staged.write_text(json.dumps(content) + "\n")


def _width(path: Path) -> int:
    return read_shard(path).activations.shape[1]
