"""The weights a run starts from: drawn from its seed and its width, or by the older rule."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.training.architectures.interface import Parameters, Space
from universality.training.settings import TrainingSettings

_STARTS, _RESAMPLINGS = 0x57A27, 0x2E5A


def start_generator(settings: TrainingSettings) -> torch.Generator:
    """The source of chance of a start.

    Runs of one seed and different widths begin from independent weights. With `start="seed"` the
    rows of a narrow run are the first rows of a wide one.
    """
    match settings.start:
        case "seed":
            return torch.Generator().manual_seed(settings.init_seed)
        case "seed_and_width":
            return _generator(_STARTS, settings.init_seed, settings.d_sae)
        case other:
            raise InvalidInputError(f"no start is drawn by the rule {other!r}")


def resampling_generator(settings: TrainingSettings, step: int) -> torch.Generator:
    """The source of chance of the resampling after a step: a resumed run draws the same."""
    return _generator(_RESAMPLINGS, settings.init_seed, settings.d_sae, step)


def _generator(*words: int) -> torch.Generator:
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def start_parameters(settings: TrainingSettings, space: Space) -> Parameters:
    """The tensors a run begins with, on the CPU, in the scaled space of the tokens."""
    return settings.architecture.start(space, start_generator(settings))


def untrained(settings: TrainingSettings, centre: Float[Tensor, " d_in"] | int) -> Dictionary:
    """The dictionary a run starts from, before any step: the floor that it is compared with.

    `centre` is the centre of the scaled tokens, or d_in where it is zero.
    """
    centre = torch.zeros(centre, dtype=torch.float32) if isinstance(centre, int) else centre
    space = Space(settings.d_sae, centre, centre)
    return settings.architecture.dictionary(start_parameters(settings, space))
