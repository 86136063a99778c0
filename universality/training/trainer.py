"""One run: steps from a state, and the state on disk that a run resumes from."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.dictionary import Dictionary
from universality.errors import UniversalityError
from universality.models.precision import resolve_dtype
from universality.storage.dependencies import require_same
from universality.training.architectures.interface import Batch, Parameters, Space, StepLoss
from universality.training.data import TrainingData
from universality.training.descent import descend
from universality.training.inputs import Presentations, check_finite_rows
from universality.training.resampling import Resampling, resample
from universality.training.scale import unscaled
from universality.training.settings import TrainingSettings
from universality.training.start import resampling_generator, start_parameters
from universality.training.state import State, read_state, write_state

_WARMUP = 0.02
_PENALTY_WARMUP = 0.05
_DECAY = 1.5
_ADAM_EPS = 6.25e-10
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class DivergedError(UniversalityError):
    """The loss of a run is no number any more."""


@final
@dataclass(frozen=True, eq=False)
class Progress:
    """One point of a run's history: means over the steps since the point before."""

    n_tokens: int
    """Presentations so far."""
    fvu: float
    """Fraction of variance unexplained, on the batches as they were trained on."""
    l0: float
    """Active latents per token."""
    dead_fraction: float
    """Latents silent for the dead window, at this point."""


@final
class Trainer:
    """A run under way: the one mutable thing in training.

    Equal settings and cache give equal weights on one machine and thread count, whether the run
    went through or was saved and resumed, and whatever other runs are trained beside it.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        data: TrainingData,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings, self.data = settings, data
        self.step = 0
        self.seconds = 0.0
        self.history: list[Progress] = []
        self._device = torch.device(device)
        self._dtype = resolve_dtype(settings.dtype, self._device)
        self.presentations = Presentations(
            data.split.training, batch_size=settings.batch_size, order_seed=settings.order_seed
        )
        start = start_parameters(settings, self.space)
        self.parameters: Parameters = {
            name: tensor.to(self._device).requires_grad_(name not in settings.architecture.frozen)
            for name, tensor in start.items()
        }
        self._optimizer = torch.optim.Adam(
            self._trained.values(),
            lr=settings.learning_rate,
            betas=settings.architecture.betas,
            eps=_ADAM_EPS,
            fused=True,
        )
        self._silent = torch.zeros(settings.d_sae, dtype=torch.long, device=self._device)
        self._fvu_sum = self._l0_sum = 0.0
        self._n_summed = 0

    @property
    def space(self) -> Space:
        """The scaled space of the tokens."""
        centres = [
            side.statistics.mean if self.settings.bias_start == "mean" else side.statistics.median
            for side in (self.data.source, self.data.target)
        ]
        return Space(self.settings.d_sae, *centres)

    @property
    def _trained(self) -> Parameters:
        return {name: tensor for name, tensor in self.parameters.items() if tensor.requires_grad}

    @property
    def n_tokens(self) -> int:
        """Presentations so far."""
        return self.step * self.settings.batch_size

    @property
    def finished(self) -> bool:
        """Whether every step was taken."""
        return self.step >= self.settings.n_steps

    def advance(self) -> None:
        """Take one step.

        Raises:
            DivergedError: the loss is no number.
            InvalidInputError: a token is not finite.
        """
        start = time.perf_counter()
        rows = self.presentations.rows(self.step)
        x = self.data.source.scaled(rows).to(self._device)
        target = self.data.target.scaled(rows).to(self._device) if self.data.transcodes else x
        result = self.settings.architecture.loss(self.parameters, self._batch(x, target))
        if not math.isfinite(result.loss.item()):
            for side, tokens in ((self.data.source, x), (self.data.target, target)):
                check_finite_rows(tokens, rows, side.cache)
            raise DivergedError(
                f"training diverged at step {self.step}: lower --lr "
                f"(now {self.settings.learning_rate})"
            )
        self._update(result)
        if self._resamples_now():
            self._resample(x, (result.reconstruction - target).square().sum(dim=1))
        self.seconds += time.perf_counter() - start

    def note_progress(self) -> Progress:
        """Append the means since the last note to the history; give that entry."""
        entry = Progress(
            self.n_tokens,
            self._fvu_sum / max(1, self._n_summed),
            self._l0_sum / max(1, self._n_summed),
            float(self._dead().float().mean()),
        )
        self.history.append(entry)
        self._fvu_sum, self._l0_sum, self._n_summed = 0.0, 0.0, 0
        return entry

    def dictionary(self) -> Dictionary:
        """The present weights in the raw space of the hook, decoder rows of norm 1, in float32.

        Where a threshold is still to be calibrated it is zero.
        """
        parameters = {name: p.detach().cpu().clone() for name, p in self.parameters.items()}
        scaled = self.settings.architecture.dictionary(parameters)
        sides = (self.data.source, self.data.target)
        return unscaled(scaled, *(side.statistics.scale for side in sides))

    def save(self, path: Path, depends_on: Mapping[str, Any]) -> None:
        """Write the state, whole or not at all.

        Raises:
            OutputError: the disk is full.
        """
        tensors = {f"parameters.{name}": p for name, p in self.parameters.items()}
        for name, parameter in self._trained.items():
            for moment, value in self._optimizer.state[parameter].items():
                tensors[f"optimizer.{moment}.{name}"] = value
        content = {
            "depends_on": dict(depends_on),
            "step": self.step,
            "seconds": self.seconds,
            "history": [vars(entry) for entry in self.history],
            "sums": [self._fvu_sum, self._l0_sum, self._n_summed],
        }
        write_state(path, State(tensors | {"silent": self._silent}, content))

    def restore(self, path: Path, depends_on: Mapping[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            FormatError: the file is damaged.
            OutputError: it belongs to other settings or another cache.
        """
        state = read_state(path, self._device)
        require_same(
            state.content["depends_on"], depends_on, place=path.parent, holds="an unfinished run"
        )
        self.step, self.seconds = state.content["step"], state.content["seconds"]
        self.history = [Progress(**entry) for entry in state.content["history"]]
        self._fvu_sum, self._l0_sum, self._n_summed = state.content["sums"]
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(state.tensors[f"parameters.{name}"])
            for name, parameter in self._trained.items():
                self._optimizer.state[parameter] = {
                    moment: state.tensors[f"optimizer.{moment}.{name}"] for moment in _MOMENTS
                }
            self._silent.copy_(state.tensors["silent"])

    def _batch(
        self, x: Float[Tensor, "n_tokens d_in"], target: Float[Tensor, "n_tokens d_out"]
    ) -> Batch:
        settings = self.settings
        return Batch(
            x=x,
            target=target,
            dead=self._dead(),
            variance=self.data.target.statistics.variance,
            penalty=min(1.0, self.step / (_PENALTY_WARMUP * settings.n_steps)),
            dead_weight=settings.dead_weight if settings.resampling == "none" else 0.0,
            gather=settings.decoder == "gather",
            dtype=self._dtype,
        )

    def _resamples_now(self) -> bool:
        settings = self.settings
        every = max(1, round(settings.resample_every * settings.n_steps))
        last = self.step + every > settings.n_steps
        return settings.resampling != "none" and self.step % every == 0 and not last

    def _resample(self, x: Tensor, error: Tensor) -> None:
        dead = self._dead()
        parameters = {name: p.detach().unsqueeze(0) for name, p in self.parameters.items()}
        if "W_enc" not in parameters:  # tied: one matrix is both
            parameters["W_enc"] = parameters.pop("W_dec")
        new = resample(
            parameters,
            dead.unsqueeze(0),
            Resampling(method=self.settings.resampling),
            starts=self.settings.architecture.first_values(parameters),
            inputs=x.unsqueeze(0),
            errors=error.unsqueeze(0),
            generators=[resampling_generator(self.settings, self.step)],
        ).squeeze(0)
        with torch.no_grad():
            self.settings.architecture.after_step(self.parameters)
        self._silent[new] = 0
        for parameter in self._trained.values():
            for moment in ("exp_avg", "exp_avg_sq") if parameter.shape[0] == len(new) else ():
                self._optimizer.state[parameter][moment][new] = 0

    def _dead(self) -> Tensor:
        dead: Tensor = self._silent > self.settings.dead_window * self.settings.n_tokens
        return dead

    def _before_step(self, parameters: Parameters) -> None:
        settings = self.settings
        settings.architecture.before_step(parameters)
        _clip(parameters, settings.clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * _schedule((self.step + 1) / settings.n_steps)

    def _update(self, result: StepLoss) -> None:
        settings = self.settings
        descend(
            self.parameters,
            result.loss,
            self._optimizer,
            before=self._before_step,
            after=settings.architecture.after_step,
        )
        with torch.no_grad():
            self._silent += settings.batch_size
            self._silent[result.fired] = 0
        self._fvu_sum += result.fvu.item()
        self._l0_sum += result.l0.item()
        self._n_summed += 1
        self.step += 1


def _schedule(fraction: float) -> float:
    rise = min(1.0, fraction / _WARMUP)
    fall: float = ((1 + math.cos(math.pi * min(1.0, fraction))) / 2) ** _DECAY
    return rise * fall


@torch.no_grad()
def _clip(parameters: Parameters, longest: float) -> None:
    if longest == 0:
        return
    gradients = [p.grad for p in parameters.values() if p.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients))
    if norm > longest:
        torch._foreach_mul_(gradients, longest / norm)
