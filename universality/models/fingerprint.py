"""What the hidden states of a model depend on, beside the tokens it reads."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

_NOT_COMPUTED_WITH = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")


def model_hash(module: torch.nn.Module) -> str:
    """SHA-256 of every parameter and buffer by name, and of the configuration.

    Where the model lies, and what wrote it, play no part. About a second per gigabyte.
    """
    digest = hashlib.sha256(_config(module))
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _config(module: torch.nn.Module) -> bytes:
    config: Any = getattr(module, "config", None)
    content = config.to_dict() if config is not None else {}
    used = {name: value for name, value in content.items() if name not in _NOT_COMPUTED_WITH}
    return json.dumps(used, sort_keys=True, default=str).encode()


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return np.ascontiguousarray(flat.view(torch.uint8).numpy()).data
