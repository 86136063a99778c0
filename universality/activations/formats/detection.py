"""Which library wrote a cache of activations."""

from __future__ import annotations

import os
from pathlib import Path

from universality.activations.cache import ActivationCache, open_cache
from universality.activations.formats import arrays, lm_saes, memmap, parquet, sae_lens, saev, vllm
from universality.activations.row_screen import ROW_RULES, screened
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain
from universality.validation import PATH, OneOf, takes

_READ = (".json", ".safetensors", ".arrow", ".memmap", ".meta", ".pt")


@takes(path=PATH, rows=OneOf(ROW_RULES))
def open_activations(path: str | Path, *, rows: str = "screened") -> ActivationCache:
    """The cache at a path, whichever library wrote it, without the rows that would hide the others.

    Our own folders; SAELens' cached activations (a `datasets` folder); memory-mapped shards of the
    dictionary_learning fork; chunks of llamascopium; hidden states that vLLM extracted; shards of
    saev; Parquet files as `datasets` writes them; a plain `.npy` or `.safetensors` matrix. Where
    files hold several layers, `FOLDER#LAYER` names one.

    Left out are first positions, rows whose norm is above ten times the median and rows of zeros;
    `meta.dropped` counts them. `rows="all"` keeps every row that the files hold. What `collect`
    left out when it made a cache is not in its files.

    Raises:
        MissingFileError: nothing is there, or a folder that is no cache.
        FormatError: it is none of these formats, or damaged.
        InvalidInputError: an unknown rule, or activations that are not finite.
    """
    match rows:
        case "all":
            return _open(*_with_layer(Path(path)), first_positions=True)
        case "screened":
            return screened(_open(*_with_layer(Path(path)), first_positions=False))
        case other:
            raise InvalidInputError(f"rows must be one of {', '.join(ROW_RULES)}, got {other!r}")


def _with_layer(path: Path) -> tuple[Path, int | None]:
    """Where the files lie, and the layer that the address names after a `#`."""
    place, _, layer = str(path).rpartition("#")
    if os.path.lexists(path) or not (place and layer.isdecimal()):
        return path, None
    return Path(place), int(layer)


def _open(path: Path, layer: int | None, *, first_positions: bool) -> ActivationCache:
    if path.is_dir():
        with damage_named(path):
            return _open_folder(path, layer, first_positions=first_positions)
    if not os.path.lexists(path):
        raise MissingFileError(f"{path}: no such file or folder of activations")
    check_plain(path)
    if path.suffix not in (".npy", ".safetensors"):
        raise FormatError(
            f"{path}: a file of activations ends in .npy or .safetensors, not {path.suffix!r}"
        )
    with damage_named(path):
        return arrays.read_array(path)


def _open_folder(path: Path, layer: int | None, *, first_positions: bool) -> ActivationCache:
    for file in path.iterdir():
        if file.suffix in _READ and not file.is_dir():
            check_plain(file)
    if saev.is_saev(path):
        return saev.read_saev(path, layer, first_positions=first_positions)
    if vllm.is_vllm(path):
        return vllm.read_vllm(path, layer, first_positions=first_positions)
    if layer is not None:
        raise InvalidInputError(f"{path} holds one layer, so #{layer} names none; leave it out")
    if parquet.parquet_files(path):
        return parquet.read_parquet(path, first_positions=first_positions)
    if (path / "state.json").is_file() and (path / "dataset_info.json").is_file():
        return sae_lens.read_sae_lens(path, first_positions=first_positions)
    if (path / "shard_0.memmap").is_file():
        return memmap.read_memmap(path)
    if any(path.glob(lm_saes.PATTERN)):
        return lm_saes.read_lm_saes(path, first_positions=first_positions)
    return open_cache(path)


def as_cache(activations: ActivationCache | str | Path) -> ActivationCache:
    """The cache given, or the one at a path.

    Raises:
        MissingFileError, FormatError: as `open_activations`.
    """
    if isinstance(activations, ActivationCache):
        return activations
    return open_activations(activations)
