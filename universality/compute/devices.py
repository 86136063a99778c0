"""Where to compute."""

from __future__ import annotations

import torch

from universality.errors import InvalidInputError


def resolve_device(name: str | torch.device) -> torch.device:
    """The device with that name; `auto` is the first GPU where there is one, else the CPU.

    Raises:
        InvalidInputError: torch knows no such device, or this machine has none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device, dtype=torch.float32)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInputError(f"--device {name} cannot be used here: {reason}") from error
    return device
