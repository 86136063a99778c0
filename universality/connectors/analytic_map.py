"""What the weights between two places say of their features, without any fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from scipy import sparse
from torch import Tensor

from universality.dictionary import Dictionary
from universality.errors import FormatError, InvalidInputError
from universality.intake.tensor_files import opened_safetensors
from universality.shapes import as_matrix, check_finite


@final
@dataclass(frozen=True, eq=False)
class Between:
    """The layer between the two places: y = W x + b, through a ReLU or not."""

    W: Float[Tensor, "d_out d_in"]
    """Its weights, as `torch.nn.Linear` has them."""
    b: Float[Tensor, " d_out"]
    """Its bias."""
    relu: bool = True
    """Whether a ReLU follows, before the place that the target's dictionary reads."""

    def __call__(self, x: Float[Tensor, "n d_in"]) -> Float[Tensor, "n d_out"]:
        """What the layer makes of its input, in float32."""
        y = x.float() @ self.W.float().T + self.b.float()
        return y.relu() if self.relu else y


@final
@dataclass(frozen=True, eq=False)
class AnalyticStart:
    """A dense map between latents, in their own units."""

    W: Float64[np.ndarray, "d_target d_source"]
    """Weights."""
    b: Float64[np.ndarray, " d_target"]
    """Biases."""


def analytic_start(source: Dictionary, target: Dictionary, between: Between) -> AnalyticStart:
    """E2 W D1 and E2 b + e2: what the target's encoder reads of each source latent's direction.

    The biases of both dictionaries' decoders are part of it, where there are any. The ReLU of the
    layer between has no place in it, which is why it is a start, or a baseline (Mitchell 2023).

    Raises:
        InvalidInputError: the weights do not fit between the dictionaries.
        UnsupportedError: the target has no encoder.
    """
    check_between(source, target, between)
    rows = target.directions("encoder").double()
    W, b = between.W.double(), between.b.double()
    if source.b_dec is not None:
        b = b + W @ source.b_dec.double()
    if target.apply_b_dec_to_input and target.b_dec is not None:
        b = b - target.b_dec.double()
    start = rows @ b
    if target.b_enc is not None:
        start = start + target.b_enc.double()
    return AnalyticStart((rows @ W @ source.W_dec.double().T).numpy(), start.numpy())


def dense_prediction(
    source: Dictionary,
    target: Dictionary,
    between: Between,
    codes: sparse.csr_array,
) -> Float32[np.ndarray, "n_tokens d_target"]:
    """The target's codes, (tokens, d_sae), of what the layer makes of the reconstructed source."""
    with torch.no_grad():
        x = source.decode(torch.from_numpy(codes.toarray()))
        found: np.ndarray = target.encode(between(x)).numpy()
        return found


def check_between(source: Dictionary, target: Dictionary, between: Between) -> None:
    """Nothing, when the weights lead from what the source writes to what the target reads.

    Raises:
        InvalidInputError: they do not.
    """
    if tuple(between.W.shape) != (target.d_in, source.d_out) or between.b.shape != (target.d_in,):
        raise InvalidInputError(
            f"--between has weights of shape {tuple(between.W.shape)} and a bias of "
            f"{tuple(between.b.shape)}; between these dictionaries lie "
            f"({target.d_in}, {source.d_out}) and ({target.d_in},)"
        )


def read_between(path: Path, *, relu: bool) -> Between:
    """The layer in a safetensors file with the tensors `weight` (d_out, d_in) and `bias`.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it holds something else.
    """
    with opened_safetensors(path) as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "weight" not in found:
        raise FormatError(
            f"{path} has {', '.join(sorted(found)) or 'no tensors'}; expected `weight` "
            "(d_out, d_in) and, where there is one, `bias`"
        )
    weight = as_matrix(found["weight"], f"weight of {path}")
    bias = found.get("bias", torch.zeros(len(weight), dtype=torch.float32))
    check_finite(bias, f"bias of {path}")
    return Between(weight.float(), bias.float().reshape(-1), relu)
