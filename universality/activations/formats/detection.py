"""Which library wrote a cache of activations."""

from __future__ import annotations

import json
from pathlib import Path

from universality.activations.cache import ActivationCache, open_cache
from universality.activations.formats import arrays, lm_saes, memmap, sae_lens
from universality.errors import FormatError


def open_activations(path: str | Path) -> ActivationCache:
    """The cache at a path, whichever library wrote it.

    Our own folders; SAELens' cached activations (a `datasets` folder); memory-mapped shards of the
    dictionary_learning fork; chunks of llamascopium; a plain `.npy` or `.safetensors` matrix.

    Raises:
        MissingFileError: nothing is there, or a folder that is no cache.
        FormatError: it is none of these formats, or damaged.
    """
    path = Path(path)
    if path.is_file():
        if path.suffix not in (".npy", ".safetensors"):
            raise FormatError(
                f"{path}: a file of activations ends in .npy or .safetensors, not {path.suffix!r}"
            )
        return arrays.read_array(path)
    try:
        if (path / "state.json").is_file() and (path / "dataset_info.json").is_file():
            return sae_lens.read_sae_lens(path)
        if (path / "shard_0.memmap").is_file():
            return memmap.read_memmap(path)
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: its description cannot be read ({error!r})") from error
    if any(path.glob(lm_saes.PATTERN)):
        return lm_saes.read_lm_saes(path)
    return open_cache(path)
