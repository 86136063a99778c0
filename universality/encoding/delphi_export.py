"""Codes of a run written as delphi caches latents, which its explainers and scorers read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from safetensors.torch import save_file
from scipy import sparse

from universality.activations.cache import ActivationCache
from universality.activations.token_stream import TokenStream, token_stream
from universality.codes import Codes, token_range
from universality.errors import InvalidInputError, UnsupportedError

_SMALL = 2**16


def write_delphi_latents(
    codes: Codes, cache: ActivationCache, folder: Path, *, context: int, n_files: int
) -> dict[str, int]:
    """How many sequences and tokens were written to `<first>_<last>.safetensors` in a folder.

    delphi's sequences are of one length: documents are cut into windows of `context` tokens from
    their start, and what is left over at their ends is not written. Tokens without a row in the
    cache (first positions, rows of high norm) have no latents. Activations are float16, as delphi
    keeps them; `config.json` says the model and the length.

    Raises:
        InvalidInputError: no document is as long as `context`.
        UnsupportedError: a code does not fit into float16.
    """
    stream = token_stream(cache)
    places = _windows(stream, context)
    if not len(places):
        longest = int(stream.starts.diff().max())
        raise InvalidInputError(
            f"--context {context}: no document of {cache.path} is so long; the longest has "
            f"{longest} tokens"
        )
    whole = sparse.csr_array(token_range(codes, range(codes.n_tokens)))
    sequence_of = np.full(len(cache), -1)
    rows = stream.row_of.numpy()[places.reshape(-1)]
    sequence_of[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    tokens = torch.from_numpy(stream.tokens.numpy()[places].astype(np.int64))
    folder.mkdir(parents=True, exist_ok=True)
    bounds = np.linspace(0, codes.d_sae, min(n_files, codes.d_sae) + 1).astype(int)
    for first, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        _write(whole[first:stop], sequence_of, tokens, folder / f"{first}_{stop - 1}.safetensors")
    config = {
        "dataset_repo": str(cache.path.name),
        "cache_ctx_len": context,
        "n_tokens": tokens.numel(),
        "n_splits": len(bounds) - 1,
        "model_name": cache.meta.model_name,
    }
    (folder / "config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")
    left = len(stream.tokens) - tokens.numel()
    return {"n_sequences": len(tokens), "n_tokens": tokens.numel(), "n_left_out": left}


def _windows(stream: TokenStream, context: int) -> Int64[np.ndarray, "n_sequences context"]:
    starts = stream.starts.numpy()
    firsts = [
        first
        for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
        for first in range(low, high - context + 1, context)
    ]
    return np.array(firsts, dtype=np.int64)[:, None] + np.arange(context)


def _write(
    part: sparse.csr_array,
    sequence_of: Int64[np.ndarray, " n_rows"],
    tokens: torch.Tensor,
    path: Path,
) -> None:
    entries = sparse.coo_array(part)
    latents, rows = (one.astype(np.int64) for one in entries.coords)
    flat = sequence_of[rows]
    kept = np.flatnonzero(flat >= 0)
    kept = kept[np.lexsort((latents[kept], flat[kept]))]
    context = tokens.shape[1]
    where = np.stack([flat[kept] // context, flat[kept] % context, latents[kept]], axis=1)
    values = torch.from_numpy(entries.data[kept].astype(np.float16))
    if not bool(torch.isfinite(values).all()):
        raise UnsupportedError("a code is above 65,504 and does not fit into delphi's float16")
    small = not where.size or int(where.max()) < _SMALL
    locations = torch.from_numpy(where.astype(np.uint16 if small else np.uint32))
    save_file({"locations": locations, "activations": values, "tokens": tokens}, path)
