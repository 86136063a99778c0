"""What a connector is: a sparse map from the latents of one dictionary to those of another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias, assert_never, final, get_args

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64
from scipy import sparse

from universality.connectors.fit_settings import ConnectorSettings, Form
from universality.errors import InvalidInputError
from universality.intake.names import show_names

Units: TypeAlias = Literal["raw", "standardised"]
"""Weights as they are, or times the source's standard deviation over the target's."""

UNITS: tuple[Units, ...] = get_args(Units)

TokenCodes: TypeAlias = "sparse.csr_array | Float[np.ndarray, 'n_tokens d_source']"
"""Codes by token, sparse or dense."""


@final
@dataclass(frozen=True)
class EndKey:
    """Whose latents stand at an end of a connector: what is known of their dictionary."""

    name: str = "in memory"
    """A short name for tables and figures."""
    sha256: str | None = None
    """Hash of the dictionary's weights; None for bare codes."""
    model_name: str | None = None
    """The model, as the dictionary names it."""
    hook_name: str | None = None
    """Where in the model it reads."""

    def __post_init__(self) -> None:
        show_names(self, "name", "model_name", "hook_name")


@final
@dataclass(frozen=True, eq=False)
class Connector:
    """target = ReLU(W source + b), or W source + b, or ReLU(W source + b) + V source.

    Codes and weights are in the dictionaries' own units. A latent without spread on the tokens of
    the fit is left out: as a source its column is empty, as a target its row too, and the bias is
    its one value.
    """

    W: sparse.csr_array
    """Weights, (d_target, d_source), float32; no zero is stored."""
    b: Float32[np.ndarray, " d_target"]
    """Biases."""
    V: sparse.csr_array | None
    """Weights past the ReLU, in the form `skip`; None in the others."""
    form: Form
    """Which of the three functions it is."""
    source_sd: Float64[np.ndarray, " d_source"]
    """Standard deviation of each source latent on the tokens of the fit; 0 where it is left out."""
    target_sd: Float64[np.ndarray, " d_target"]
    """The same of each target latent."""
    source: EndKey
    """Whose latents it reads."""
    target: EndKey
    """Whose latents it predicts."""
    settings: ConnectorSettings
    """How it was fitted."""
    n_tokens: int
    """On how many tokens."""

    def __repr__(self) -> str:
        return (
            f"{self.source.name} to {self.target.name}, {self.form}\n"
            f"{self.n_weights:,} weights of {self.d_target:,} x {self.d_source:,}\n"
            f"l1 {self.settings.l1:g}, {self.settings.loss} loss, {self.n_tokens:,} tokens"
        )

    @property
    def d_source(self) -> int:
        """Number of source latents."""
        return int(self.W.shape[1])

    @property
    def d_target(self) -> int:
        """Number of target latents."""
        return int(self.W.shape[0])

    @property
    def paths(self) -> dict[str, sparse.csr_array]:
        """Every matrix by the path it is on: `linear` or `relu`, and `skip` where there is one."""
        first = "linear" if self.form == "linear" else "relu"
        return {first: self.W} if self.V is None else {first: self.W, "skip": self.V}

    @property
    def n_weights(self) -> int:
        """Weights that are not zero, on all paths."""
        return sum(int(matrix.nnz) for matrix in self.paths.values())

    @property
    def connected_sources(self) -> Bool[np.ndarray, " d_source"]:
        """Which source latents take part."""
        return np.asarray(self.source_sd > 0)

    @property
    def connected_targets(self) -> Bool[np.ndarray, " d_target"]:
        """Which target latents take part."""
        return np.asarray(self.target_sd > 0)

    def predict(self, codes: TokenCodes) -> Float32[np.ndarray, "n_tokens d_target"]:
        """What the target's latents do on tokens where the source's do this, dense.

        Raises:
            InvalidInputError: the codes have another width.
        """
        if codes.shape[1] != self.d_source:
            raise InvalidInputError(
                f"codes are {codes.shape[1]} wide, but the connector reads {self.d_source} latents"
            )
        pre: np.ndarray = np.asarray(codes @ self._columns, dtype=np.float32) + self.b
        match self.form:
            case "linear":
                return pre
            case "relu" | "skip":
                on: np.ndarray = np.maximum(pre, np.float32(0))
            case _:
                assert_never(self.form)
        if self.V is not None:
            on += np.asarray(codes @ self._past, dtype=np.float32)
        return on

    def save(self, file: str | Path) -> None:
        """Write the connector to a safetensors file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        from universality.connectors.connector_file import write_connector

        write_connector(self, Path(file))

    @cached_property
    def _columns(self) -> Float32[np.ndarray, "d_source d_target"]:
        return _dense_columns(self.W)

    @cached_property
    def _past(self) -> Float32[np.ndarray, "d_source d_target"]:
        assert self.V is not None
        return _dense_columns(self.V)


def _dense_columns(matrix: sparse.csr_array) -> Float32[np.ndarray, "d_source d_target"]:
    found: np.ndarray = np.ascontiguousarray(matrix.T.toarray())
    return found


def weights_in(connector: Connector, units: Units, *, path: str | None = None) -> sparse.csr_array:
    """The weights of a path (by default of the first) in the units asked for, float64.

    Raises:
        InvalidInputError: the connector has no such path.
    """
    paths = connector.paths
    name = next(iter(paths)) if path is None else path
    if name not in paths:
        raise InvalidInputError(f"this connector has the paths {', '.join(paths)}, not {name!r}")
    matrix = sparse.csr_array(paths[name].astype(np.float64))
    match units:
        case "raw":
            return matrix
        case "standardised":
            spread = np.where(connector.connected_targets, connector.target_sd, 1.0)
            left, right = sparse.diags_array(1 / spread), sparse.diags_array(connector.source_sd)
            return sparse.csr_array(left @ matrix @ right)
        case _:
            assert_never(units)


def pruned(connector: Connector, threshold: float, *, units: Units = "raw") -> Connector:
    """The connector with all weights of at most `threshold` in absolute value set to zero."""
    kept = {
        name: _above(matrix, weights_in(connector, units, path=name), threshold)
        for name, matrix in connector.paths.items()
    }
    first, *rest = kept.values()
    return replace(connector, W=first, V=rest[0] if rest else None)


def _above(matrix: sparse.csr_array, measured: sparse.csr_array, limit: float) -> sparse.csr_array:
    kept = measured.copy()
    kept.data = (np.abs(kept.data) > limit).astype(np.float64)
    kept.eliminate_zeros()
    return sparse.csr_array(matrix.multiply(kept.astype(np.float32))).astype(np.float32)
