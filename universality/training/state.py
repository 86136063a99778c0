"""The state of an unfinished run on disk: tensors and a JSON header, nothing that can run code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from safetensors.torch import save_file
from torch import Tensor

from universality.errors import FormatError
from universality.intake.fields import Fields
from universality.intake.json_files import parse_json
from universality.intake.tensor_files import opened_safetensors
from universality.storage.staged_files import staged_file

SCHEMA = "universality.training_state/1"
_HEADER = "state"


@final
@dataclass(frozen=True, eq=False)
class State:
    """Everything needed to go on as if nothing had happened."""

    tensors: Mapping[str, Tensor]
    """Parameters, moments of the optimizer and counts of silence, by name."""
    content: Mapping[str, Any]
    """Step, history and what the run depends on; plain JSON."""


def write_state(path: Path, state: State) -> None:
    """The file, whole or as it was.

    Raises:
        OutputError: the disk is full, or the place cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    header = json.dumps({"schema": SCHEMA} | dict(state.content))
    with staged_file(path) as staged:
        save_file(tensors, staged, metadata={_HEADER: header})


def read_state(path: Path, device: torch.device) -> State:
    """What was written there, tensors on the device.

    Raises:
        FormatError: the file is damaged, or of another schema.
    """
    with opened_safetensors(path, advice="delete it to train from the start") as file:
        content = Fields(str(path), {_HEADER: parse_json(file.metadata()[_HEADER])}).mapping(
            _HEADER
        )
        tensors = {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118
    if content.pop("schema", None) != SCHEMA:
        raise FormatError(f"{path}: not of schema {SCHEMA}; delete it to train from the start")
    return State(tensors, content)
