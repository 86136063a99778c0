"""Running a model over texts and keeping what passes one of its hooks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

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
from universality.activations.contexts import write_tokens
from universality.activations.documents import Document, text_hash, without_duplicates
from universality.activations.shards import (
    Rows,
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
)
from universality.errors import InvalidInputError, OutputError, UnsupportedError
from universality.models.hooks import HookPoint, record, resolve_hook
from universality.models.language_model import LanguageModel, tokenizer_hash

_BATCH_TOKENS = 4096
_HIGH_NORM = 10


@final
@dataclass(frozen=True)
class Collection:
    """Everything that decides the bytes of a cache: two equal ones give the same files."""

    model_name: str
    """Name of the language model."""
    model_dtype: str
    """Number format it runs in."""
    hook_name: str
    """Where it is read."""
    context: int
    """Longest window, in tokens."""
    shard_tokens: int
    """Window tokens after which a file is closed."""
    max_tokens: int | None
    """Rows after which collection stops; None for all."""
    bos: int | None
    """Token put before each window."""
    tokenizer_sha256: str
    """Hash of the vocabulary."""
    text_sha256: str
    """Hash of the texts."""


def collect(
    model: LanguageModel,
    documents: Sequence[Document],
    out: Path,
    *,
    hook_name: str,
    context: int = 256,
    shard_tokens: int = 32_768,
    max_tokens: int | None = None,
    progress: bool = False,
) -> ActivationCache:
    """The cache of one hook over the texts, written to `out` shard by shard.

    Left out are the first position of every window (its norm is ten to three hundred times the
    others'), rows with a norm above ten times the median of their shard, and repeated documents;
    the counts are in the cache's `meta.dropped`. The same inputs give the same bytes. Interrupted,
    it leaves whole shards and no `meta.json`; called again with the same inputs it goes on after
    the last of them.

    Raises:
        InvalidInputError: a number is out of range, the hook is unknown, or no text is left.
        OutputError: `out` holds something else, or was begun with other inputs.
        UnsupportedError: a hidden state does not fit into float16.
    """
    caches = collect_into(
        model,
        documents,
        {hook_name: out},
        context=context,
        shard_tokens=shard_tokens,
        max_tokens=max_tokens,
        progress=progress,
    )
    return caches[hook_name]


def collect_into(
    model: LanguageModel,
    documents: Sequence[Document],
    folders: Mapping[str, Path],
    *,
    context: int = 256,
    shard_tokens: int = 32_768,
    max_tokens: int | None = None,
    progress: bool = False,
) -> dict[str, ActivationCache]:
    """The caches of several hooks, by name, from one pass of the model; `folders` says where.

    Each is as `collect` would make it alone. Rows of high norm differ between hooks, so the caches
    need not be of one length.
    """
    _check_numbers(context, shard_tokens, max_tokens)
    hooks = {name: resolve_hook(model.module, name) for name in folders}
    unique = without_duplicates(documents)
    windows = cut_windows(unique, model.tokenizer, context=context)
    if max_tokens is not None:
        windows = limit_rows(windows, max_tokens)
    if not windows:
        raise InvalidInputError("--text: the files hold no document of two tokens or more")
    bos = bos_token(model.tokenizer)
    plans = {
        name: Collection(
            model.name,
            str(model.dtype).removeprefix("torch."),
            name,
            context,
            shard_tokens,
            max_tokens,
            bos,
            tokenizer_hash(model.tokenizer),
            text_hash(unique),
        )
        for name in folders
    }
    for name, folder in folders.items():
        _begin(folder, plans[name])
    shards = cut_at(windows, shard_tokens)
    for number, shard in enumerate(tqdm(shards, unit="shard", disable=not progress)):
        paths = {name: folder / _shard_name(number) for name, folder in folders.items()}
        missing = [hooks[name] for name, path in paths.items() if not path.exists()]
        found = _run(model, missing, shard, bos) if missing else {}
        for name, (rows, counts) in found.items():
            write_shard(paths[name], rows, counts)
    given = len(documents)
    return {
        name: _finish(folder, plans[name], len(shards), unique, windows, given, model.tokenizer)
        for name, folder in folders.items()
    }


def _check_numbers(context: int, shard_tokens: int, max_tokens: int | None) -> None:
    if context < 3:
        raise InvalidInputError(f"--context must be at least 3 tokens, got {context}")
    if shard_tokens < 1:
        raise InvalidInputError(f"--shard-tokens must be at least 1, got {shard_tokens}")
    if max_tokens is not None and max_tokens < 1:
        raise InvalidInputError(f"--max-tokens must be at least 1, got {max_tokens}")


def _begin(out: Path, plan: Collection) -> None:
    content = json.dumps(vars(plan), indent=1) + "\n"
    marker = out / "collection.json"
    if marker.is_file():
        if marker.read_text() != content:
            raise OutputError(
                f"{out}: was begun with another model, hook, text or option (collection.json says "
                "which); choose another --out, or delete it"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: exists and is no collection; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    marker.write_text(content)


def _shard_name(number: int) -> str:
    return f"acts-{number:05d}.safetensors"


def _run(
    model: LanguageModel, hooks: Sequence[HookPoint], windows: Sequence[Window], bos: int | None
) -> dict[str, tuple[Rows, dict[str, int]]]:
    """The rows of each hook, and how many were dropped."""
    parts: dict[str, dict[int, Rows]] = {hook.name: {} for hook in hooks}
    for batch in batches(windows, _BATCH_TOKENS):
        chosen = [windows[index] for index in batch]
        tokens, mask = (part.to(model.device) for part in pad(chosen, bos))
        recorded = record(model.module, hooks, tokens, mask)
        for name, states in recorded.items():
            for index, window, state in zip(batch, chosen, states.float().cpu(), strict=True):
                parts[name][index] = _rows(window, state, bos)
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


def _rows(window: Window, state: Tensor, bos: int | None) -> Rows:
    first = 0 if bos is not None else 1
    tokens = torch.from_numpy(window.tokens)[first:]
    positions = torch.arange(first, len(window.tokens), dtype=torch.int32) + window.start
    documents = torch.full_like(tokens, window.document)
    return Rows(state[1 : 1 + len(tokens)].clone(), tokens, documents, positions)


def _without_high_norms(rows: Rows) -> Rows:
    norms = rows.activations.norm(dim=1)
    kept = norms <= _HIGH_NORM * norms.median()
    return Rows(
        rows.activations[kept], rows.tokens[kept], rows.documents[kept], rows.positions[kept]
    )


def _half(rows: Rows) -> Rows:
    return Rows(rows.activations.half(), rows.tokens, rows.documents, rows.positions)


def _finish(
    out: Path,
    plan: Collection,
    n_shards: int,
    documents: Sequence[Document],
    windows: Sequence[Window],
    n_given: int,
    tokenizer: Any,
) -> ActivationCache:
    paths = [out / _shard_name(number) for number in range(n_shards)]
    counts = [read_counts(path) for path in paths]
    dropped = {key: sum(c[key] for c in counts) for key in ("first_position", "high_norm")}
    dropped["duplicate_documents"] = n_given - len(documents)
    tokens = sorted({int(token) for window in windows for token in window.tokens})
    strings = {token: tokenizer.decode([token]) for token in tokens}
    used = windows[-1].document + 1
    write_tokens(out, windows)
    (out / "vocabulary.json").write_text(json.dumps(strings) + "\n")
    (out / "documents.json").write_text(json.dumps([d.name for d in documents[:used]]) + "\n")
    inputs = {k: v for k, v in vars(plan).items() if k not in ("shard_tokens", "max_tokens")}
    meta = CacheMeta(
        **inputs,
        d_in=_width(paths[0]),
        dtype="float16",
        n_tokens=sum(c["n_tokens"] for c in counts),
        n_documents=used,
        dropped=dropped,
        shards=tuple(
            ShardEntry(path.name, count["n_tokens"], file_hash(path))
            for path, count in zip(paths, counts, strict=True)
        ),
    )
    write_meta(out, meta)
    return open_cache(out)


def _width(path: Path) -> int:
    return read_shard(path).activations.shape[1]
