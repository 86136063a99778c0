"""Where to compute."""

from __future__ import annotations

import torch

from universality.errors import InvalidInputError


def resolve_device(name: str | torch.device) -> torch.device:
    """The device with that name; `auto` is the first GPU where there is one, else the CPU.

    Raises:
        InvalidInputError: torch knows no such device, this machine has none, or it computes no
            numbers (`meta`).
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device, dtype=torch.float32).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0].partition(", ipu")[0][:160]
        raise InvalidInputError(f"--device {name} cannot be used here: {reason}") from error
    return device
