"""Codes of a dictionary over a cache of activations, a few hundred tokens at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activations.cache import CACHE, ActivationCache, read_activations
from universality.activations.formats.detection import as_cache
from universality.codes import Codes, cut_chunks
from universality.compute.devices import resolve_device
from universality.compute.stages import StageBar
from universality.dictionary import Dictionary, Firing
from universality.encoding.encoder_hash import encoder_hash
from universality.encoding.folder import (
    CodesKey,
    begun,
    finish_codes,
    is_whole,
    read_chunks,
    write_chunk,
)
from universality.errors import InvalidInputError
from universality.loading import load
from universality.validation import DEVICE, FLAG, PATH, Is, either, takes

_TOKENS_PER_TILE = 256
_TOKENS_PER_READ = 32 * _TOKENS_PER_TILE


@takes(
    dictionary=Is((Dictionary, str, Path), "a dictionary, or the address of one"),
    cache=CACHE,
    folder=either(PATH, None),
    device=DEVICE,
    progress=FLAG,
)
def encode(
    dictionary: Dictionary | str | Path,
    cache: ActivationCache | str | Path,
    *,
    folder: str | Path | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Codes:
    """Codes of every row of the cache.

    Tokens go through the encoder in tiles of one fixed size, so that the codes do not depend on
    how the cache is cut into files. Memory is that of the nonzeros, 8 bytes each; with a `folder`
    it is that of one chunk, and an interrupted call goes on where it stopped when it is repeated.

    Args:
        dictionary: The run, or an address that `load` understands.
        cache: Activations of the hook it reads, or where they lie, whichever library wrote them.
        folder: Where to keep the codes, memory-mapped; None keeps them in memory.
        device: Where the encoder runs; the CPU if None.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: an argument does not fit, or the rows of the cache have another width
            than the dictionary reads.
        MissingFileError, FormatError, UnsafeFileError: as `load` and `open_activations`.
        UnsupportedError: the dictionary cannot encode (its message says why).
        OutputError: the folder holds other codes, or cannot be written.
    """
    dictionary = dictionary if isinstance(dictionary, Dictionary) else load(dictionary)
    cache = as_cache(cache)
    device = resolve_device(device or "cpu")
    if dictionary.d_in != cache.meta.d_in:
        raise InvalidInputError(
            f"{cache.path} holds activations of width {cache.meta.d_in}, but "
            f"{dictionary.source.name} reads d_in={dictionary.d_in}: collect the activations of "
            f"its own model and hook ({dictionary.key.hook_name or 'hook unknown'})"
        )
    bar = StageBar(
        total=len(cache),
        desc=f"encoding {dictionary.source.name}",
        unit="token",
        progress=progress,
    )
    with bar:
        if folder is None:
            tiles = _tiles(dictionary, cache, 0, device=device, bar=bar)
            return Codes(tuple(cut_chunks(tiles, dictionary.d_sae)))
        folder = Path(folder)
        key = codes_key(dictionary, cache, device)
        if not is_whole(folder, key):
            with begun(folder, key):
                done = read_chunks(folder, key)
                start = sum(int(chunk.shape[1]) for chunk in done)
                tiles = _tiles(dictionary, cache, start, device=device, bar=bar)
                chunks = cut_chunks(tiles, dictionary.d_sae) if start < len(cache) else []
                for number, chunk in enumerate(chunks, start=len(done)):
                    write_chunk(folder, number, chunk, key)
        return finish_codes(folder, key)


def codes_key(
    dictionary: Dictionary, cache: ActivationCache, device: torch.device | str = "cpu"
) -> CodesKey:
    """What codes of a dictionary over a cache depend on."""
    return CodesKey(
        encoder_sha256=encoder_hash(dictionary),
        activations_sha256=cache.meta.sha256,
        d_sae=dictionary.d_sae,
        n_tokens=len(cache),
        device=torch.device(device).type,
    )


def count_firing(codes: Codes, source: str) -> Firing:
    """How often each latent fires in these codes, as a checkpoint would say it."""
    return Firing(torch.from_numpy(codes.frequency), source)


def _tiles(
    dictionary: Dictionary,
    cache: ActivationCache,
    start: int,
    *,
    device: torch.device | str,
    bar: StageBar,
) -> Iterator[Float[Tensor, "n_tokens d_sae"]]:
    bar.update(start)
    for first in range(start, len(cache), _TOKENS_PER_READ):
        rows = torch.arange(first, min(first + _TOKENS_PER_READ, len(cache)))
        for tile in torch.split(read_activations(cache, rows), _TOKENS_PER_TILE):
            yield _encode_tile(dictionary, tile.to(device))
            bar.update(len(tile))


@torch.inference_mode()
def _encode_tile(
    dictionary: Dictionary, tokens: Float[Tensor, "n_tokens d_in"]
) -> Float[Tensor, "n_tokens d_sae"]:
    missing = _TOKENS_PER_TILE - len(tokens)
    padded = torch.cat([tokens, tokens[-1:].expand(missing, -1)]) if missing else tokens
    return dictionary.encode(padded)[: len(tokens)]
