"""Arrays at the border: what users pass in becomes a checked tensor, or one clear error."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from universality.errors import InvalidInputError
from universality.validation import Is

ArrayLike: TypeAlias = "Tensor | np.ndarray"
"""Any two-dimensional floating-point NumPy array (memory maps too) or torch tensor."""

ARRAY = Is((Tensor, np.ndarray), "a NumPy array or a torch tensor")
"""What a public function checks of rows that it is given, before `as_matrix` looks into them."""

FLOATS = ("float16", "bfloat16", "float32", "float64")
"""Number formats that weights, directions and activations may have, in torch's spelling."""

_ENTRIES_PER_CHECK = 2**25


def as_matrix(array: ArrayLike, name: str) -> Float[Tensor, "rows columns"]:
    """The array as a floating tensor with at least one row and one column, all finite.

    The data is shared, not copied, wherever the source allows it; the dtype is kept. `name` is
    what the error calls the array.

    Raises:
        InvalidInputError: not an array, not two-dimensional, empty, not floating-point, or holding
            NaN or infinity (the first such row is named).
    """
    tensor = as_tensor(array, name)
    if tensor.ndim != 2:
        raise InvalidInputError(
            f"{name} must have two dimensions (rows are latents), got shape {tuple(tensor.shape)}"
        )
    if 0 in tensor.shape:
        raise InvalidInputError(f"{name} is empty: shape {tuple(tensor.shape)}")
    if (refused := number_refusal(tensor.dtype)) is not None:
        raise InvalidInputError(f"{name} {refused}")
    check_finite(tensor, name)
    return tensor


def number_refusal(dtype: torch.dtype | str) -> str | None:
    """Why numbers of a format are no weights or activations, as the end of a sentence; else None.

    Eight-bit floats are no plain numbers: the scale that belongs to them lies elsewhere.
    """
    name = str(dtype).removeprefix("torch.")
    if name in FLOATS:
        return None
    if "float8" in name.lower() or name.upper().startswith("F8"):
        return (
            f"holds eight-bit floats ({name}), which mean nothing without their scale; save it in "
            "float16 or float32 with the library that wrote it"
        )
    return (
        f"must be floating-point ({', '.join(FLOATS)}), found {name}; convert it, e.g. with "
        "`.astype('float32')`"
    )


def check_finite(tensor: Tensor, name: str, *, first_row: int = 0) -> None:
    """Nothing, when every entry is finite; works row block by row block in bounded memory.

    `first_row` is what the error adds to row numbers, for a tensor that is a part of a larger one.

    Raises:
        InvalidInputError: an entry is NaN or infinite; names the first row (or entry) that is.
    """
    rows = tensor if tensor.ndim else tensor[None]
    step = max(1, _ENTRIES_PER_CHECK // max(1, rows[0:1].numel()))
    for start in range(0, rows.shape[0], step):
        part = rows[start : start + step]
        if _all_finite(part):
            continue
        finite = torch.isfinite(part).reshape(part.shape[0], -1).all(dim=1)
        if not bool(finite.all()):
            row = first_row + start + int((~finite).nonzero()[0, 0])
            word = "row" if tensor.ndim > 1 else "entry"
            raise InvalidInputError(f"{name} holds NaN or infinity, first in {word} {row}")


def _all_finite(part: Tensor) -> bool:
    """Quick: the extremes are NaN where any entry is, and infinite where any is."""
    if part.is_complex() or not part.numel():
        return False
    return all(bool(torch.isfinite(extreme)) for extreme in torch.aminmax(part))


def check_range(tensor: Tensor, name: str) -> None:
    """Nothing, when every entry fits into float32, in which runs are computed.

    Raises:
        InvalidInputError: an entry of a float64 tensor does not.
    """
    if tensor.dtype == torch.float64 and tensor.numel():
        largest = float(tensor.abs().max())
        if largest > torch.finfo(torch.float32).max:
            raise InvalidInputError(
                f"{name} holds numbers up to {largest:.1e}, beyond the range of float32 in which "
                "runs are computed; rescale it"
            )


def as_tensor(array: ArrayLike, name: str) -> Tensor:
    """The array as a tensor that shares its memory wherever torch allows it, any shape and dtype.

    Raises:
        InvalidInputError: not an array, or its dtype holds no numbers.
    """
    if isinstance(array, Tensor):
        return array.detach()
    if not isinstance(array, np.ndarray):
        raise InvalidInputError(
            f"{name} must be a NumPy array or a torch tensor, got {type(array).__name__}"
        )
    if array.dtype.kind not in "fiub":
        raise InvalidInputError(f"{name} must be floating-point, got dtype {array.dtype}")
    native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if native.dtype.itemsize > 8:
        native = native.astype(np.float64)
    strides_positive = all(stride >= 0 for stride in native.strides)
    # torch cannot mark a tensor read-only and warns about memory maps opened so: copy those.
    if not (native.flags.writeable and strides_positive):
        native = native.copy()
    return torch.from_numpy(native)
