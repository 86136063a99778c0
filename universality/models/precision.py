"""Which number format a device computes fast in."""

from __future__ import annotations

import torch

from universality.errors import InvalidInputError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def has_bfloat16(device: torch.device | str = "cpu") -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware, not by emulation."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind == "cpu":
        units = torch.cpu.get_capabilities()
        return bool(units.get("avx512_bf16") or units.get("amx_bf16") or units.get("bf16"))
    return False


def resolve_dtype(name: str, device: torch.device | str = "cpu") -> torch.dtype:
    """The dtype of that name; `auto` is bfloat16 where the hardware has it and float32 elsewhere.

    Raises:
        InvalidInputError: the name is unknown.
    """
    if name == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    if name not in DTYPES:
        raise InvalidInputError(f"--dtype must be auto, {' or '.join(DTYPES)}; got {name!r}")
    return DTYPES[name]
