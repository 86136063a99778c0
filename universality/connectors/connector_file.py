"""A connector on disk: one safetensors file that says whose latents it connects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import sparse
from torch import Tensor

from universality.connectors.connector import Connector, EndKey
from universality.connectors.fit_settings import CONNECTOR_TAKES, ConnectorSettings
from universality.errors import FormatError, InvalidInputError
from universality.intake.fields import Fields
from universality.intake.json_files import parse_json
from universality.intake.tensor_files import opened_safetensors
from universality.storage.staged_files import staged_file
from universality.validation import PATH, takes

SCHEMA = "universality.connector/1"

_ABOUT = "universality"
_ADVICE = "fit the connector again"


def write_connector(connector: Connector, file: Path) -> None:
    """The connector in a file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    tensors = {
        name: torch.from_numpy(getattr(connector, name)) for name in ("b", "source_sd", "target_sd")
    }
    for name in ("W", "V"):
        matrix = getattr(connector, name)
        tensors |= {} if matrix is None else _parts(name, matrix)
    about = {
        "schema": SCHEMA,
        "n_tokens": connector.n_tokens,
        "source": asdict(connector.source),
        "target": asdict(connector.target),
        "settings": asdict(connector.settings),
    }
    with staged_file(file) as staged:
        save_file(tensors, staged, metadata={_ABOUT: json.dumps(about)})


@takes(file=PATH)
def read_connector(file: str | Path) -> Connector:
    """The connector in a file that `Connector.save` or `universality connect` wrote.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is damaged, or holds no connector.
    """
    path = Path(file)
    with opened_safetensors(path, advice=_ADVICE) as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        noted = (opened.metadata() or {}).get(_ABOUT)
    if noted is None:
        raise FormatError(f"{path} holds no connector: its header says nothing of one")
    try:
        about = parse_json(noted)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: its header is no readable JSON; {_ADVICE}") from error
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise FormatError(f"{path} holds no connector of schema {SCHEMA!r}; {_ADVICE}")
    return _connector(path, Fields(str(path), about), tensors)


def _connector(path: Path, about: Fields, tensors: Mapping[str, Tensor]) -> Connector:
    settings = _settings(path, about)
    vectors = {
        name: _numbers(path, tensors, name, kind)
        for name, kind in (("b", np.float32), ("source_sd", np.float64), ("target_sd", np.float64))
    }
    shape = (vectors["target_sd"].size, vectors["source_sd"].size)
    has_skip = settings.form == "skip"
    if vectors["b"].size != shape[0] or has_skip != ("V.values" in tensors):
        raise FormatError(f"{path}: its parts do not fit each other; {_ADVICE}")
    return Connector(
        W=_matrix(path, tensors, "W", shape),
        V=_matrix(path, tensors, "V", shape) if has_skip else None,
        form=settings.form,
        source=_key(about, "source"),
        target=_key(about, "target"),
        settings=settings,
        n_tokens=about.count("n_tokens", least=1),
        b=vectors["b"],
        source_sd=vectors["source_sd"],
        target_sd=vectors["target_sd"],
    )


def _settings(path: Path, about: Fields) -> ConnectorSettings:
    noted = about.mapping("settings")
    if set(noted) != set(CONNECTOR_TAKES):
        raise FormatError(f"{path}: its settings are not those of a connector; {_ADVICE}")
    try:
        return ConnectorSettings(**noted)
    except InvalidInputError as error:
        raise FormatError(f"{path}: {error}") from error


def _key(about: Fields, end: str) -> EndKey:
    noted = about.mapping(end)
    names = ("name", "sha256", "model_name", "hook_name")
    known = {name: noted.get(name) for name in names}
    if any(not isinstance(one, str | None) for one in known.values()) or known["name"] is None:
        raise FormatError(f"{about.where}: {end} is no description of a dictionary; {_ADVICE}")
    return EndKey(**cast(dict[str, Any], known))


def _parts(name: str, matrix: sparse.csr_array) -> dict[str, Tensor]:
    return {
        f"{name}.values": torch.from_numpy(matrix.data.astype(np.float32)),
        f"{name}.sources": torch.from_numpy(matrix.indices.astype(np.int64)),
        f"{name}.starts": torch.from_numpy(matrix.indptr.astype(np.int64)),
    }


def _matrix(
    path: Path, tensors: Mapping[str, Tensor], name: str, shape: tuple[int, int]
) -> sparse.csr_array:
    values = _numbers(path, tensors, f"{name}.values", np.float32)
    sources = _numbers(path, tensors, f"{name}.sources", np.int64)
    starts = _numbers(path, tensors, f"{name}.starts", np.int64)
    inside = not sources.size or (sources.min() >= 0 and sources.max() < shape[1])
    ordered = starts.size == shape[0] + 1 and starts[0] == 0 and np.diff(starts).min() >= 0
    if not (inside and ordered and starts[-1] == values.size == sources.size):
        raise FormatError(f"{path}: {name} is no sparse matrix of shape {shape}; {_ADVICE}")
    return sparse.csr_array((values, sources, starts), shape=shape)


def _numbers(
    path: Path, tensors: Mapping[str, Tensor], name: str, kind: type[np.generic]
) -> np.ndarray:
    tensor = tensors.get(name)
    array = None if tensor is None else tensor.numpy()
    if array is None or array.ndim != 1 or array.dtype != kind or not np.isfinite(array).all():
        raise FormatError(f"{path}: {name} must hold finite {kind.__name__} in a row; {_ADVICE}")
    return array
