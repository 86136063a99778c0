"""What turns a direction of the residual stream into weights over the vocabulary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from jaxtyping import Float
from torch import Tensor

from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.intake.array_files import read_npy
from universality.intake.damage import damage_named
from universality.intake.json_files import read_mapping
from universality.intake.names import well_formed
from universality.intake.plain_files import check_plain
from universality.intake.tensor_files import opened_safetensors
from universality.models.language_model import LanguageModel, load_language_model
from universality.models.readout import read_readout
from universality.shapes import as_tensor, check_finite, number_refusal

_LARGEST_LIST = 2**30
_KEYS = ("W_U", "unembed.W_U", "lm_head.weight", "embed_out.weight", "model.embed_tokens.weight")


@final
@dataclass(frozen=True, eq=False)
class Unembedding:
    """One row per token of a vocabulary."""

    weights: Float[Tensor, "n_vocabulary d_in"]
    """A direction's logit weight of a token is its product with the token's row."""
    strings: tuple[str, ...]
    """Each token as text; its number in angle brackets where nothing says it."""
    source: str
    """Where it came from, for the summary."""


def load_unembedding(
    spec: str | Path, *, d_in: int, vocabulary: Mapping[int, str] | None = None
) -> Unembedding:
    """The unembedding in a file, or that of a language model.

    A `.npy` or `.safetensors` file holds one matrix with a side of `d_in`, in either orientation;
    token strings are those of a `vocabulary.json` beside it ({id: string}), else of `vocabulary`.
    Everything else is a model as `load_language_model` takes it: its rows have the gain and the
    centring of its final norm in them, which every state passes on its way to the logits.

    Raises:
        MissingFileError, MissingDependencyError: as `load_language_model`.
        FormatError: the file cannot be read.
        InvalidInputError: no matrix in it, or several, or none of its sides has length `d_in`, or
            both have.
        UnsupportedError: the model's final norm and head are not of a kind that is known.
    """
    path = Path(spec)
    if path.suffix not in (".npy", ".safetensors"):
        return _of_model(spec, d_in)
    if not os.path.lexists(path):
        raise MissingFileError(f"--unembedding {path}: no such file")
    check_plain(path)
    weights = _oriented(_read(path), d_in, path)
    words = dict(vocabulary or {})
    if os.path.lexists(beside := path.with_name("vocabulary.json")):
        with damage_named(beside):
            known = read_mapping(beside, largest=_LARGEST_LIST)
            words = {int(token): well_formed(str(string)) for token, string in known.items()}
    strings = tuple(words.get(token, f"<{token}>") for token in range(len(weights)))
    return Unembedding(weights, strings, path.name)


def _of_model(spec: str | Path, d_in: int) -> Unembedding:
    model = load_language_model(spec)
    readout = read_readout(model.module)
    if readout.W_U.shape[1] != d_in:
        raise InvalidInputError(
            f"--unembedding {spec}: the model's states are {readout.W_U.shape[1]} wide, the "
            f"directions of the runs {d_in}; give the model the runs were trained on"
        )
    strings = token_strings(model, len(readout.W_U))
    return Unembedding(readout.folded.float(), strings, model.name)


def token_strings(model: LanguageModel, n: int) -> tuple[str, ...]:
    """The text of each of the first n tokens."""
    return tuple(well_formed(model.tokenizer.decode([token])) for token in range(n))


def _read(path: Path) -> Tensor:
    what = f"--unembedding {path}"
    found = as_tensor(read_npy(path), what) if path.suffix == ".npy" else _named_matrix(path)
    if (refused := number_refusal(found.dtype)) is not None:
        raise FormatError(f"{what}: the matrix {refused}")
    check_finite(found, what)
    return found


def _named_matrix(path: Path) -> Tensor:
    with opened_safetensors(path) as file:
        keys = list(file.keys())
        named = [key for key in _KEYS if key in keys] or keys
        if not named or (len(named) > 1 and named is keys):
            raise InvalidInputError(
                f"--unembedding {path}: holds {', '.join(keys) or 'nothing'}; name the matrix one "
                f"of {', '.join(_KEYS)}, or leave only it"
            )
        found: Tensor = file.get_tensor(named[0])
        return found


def _oriented(matrix: Tensor, d_in: int, path: Path) -> Float[Tensor, "n_vocabulary d_in"]:
    sides = list(matrix.shape)
    if len(sides) != 2 or sides.count(d_in) != 1:
        raise InvalidInputError(
            f"--unembedding {path}: exactly one side of the matrix must have length {d_in}, the "
            f"width of the runs; it has shape {tuple(sides)}"
        )
    return (matrix if sides[1] == d_in else matrix.T).float().contiguous()
