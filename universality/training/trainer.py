"""One run: steps from a state, and the state on disk that a run resumes from."""

from __future__ import annotations

import math
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activations.cache import ActivationCache, read_activations
from universality.dictionary import Dictionary
from universality.errors import FormatError, UniversalityError
from universality.models.precision import resolve_dtype
from universality.training.initialisation import activation_rule, initialise
from universality.training.inputs import InputStatistics, Presentations
from universality.training.objective import StepLoss, Weights, step_loss
from universality.training.settings import TrainingSettings

_WARMUP = 0.02
_L1_WARMUP = 0.05
_DECAY = 1.5
_ADAM_EPS = 6.25e-10


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
    went through or was saved and resumed.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        cache: ActivationCache,
        statistics: InputStatistics,
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings, self.statistics = settings, statistics
        self.step = 0
        self.seconds = 0.0
        self.history: list[Progress] = []
        self._cache, self._device = cache, torch.device(device)
        self._dtype = resolve_dtype(settings.dtype, self._device)
        self._presentations = Presentations(
            len(cache), batch_size=settings.batch_size, order_seed=settings.order_seed
        )
        self.weights = _initial_weights(settings, statistics, self._device)
        self._optimizer = torch.optim.Adam(
            self.weights.tensors(), lr=settings.learning_rate, eps=_ADAM_EPS, fused=True
        )
        self._silent = torch.zeros(settings.d_sae, dtype=torch.long, device=self._device)
        self._fvu_sum = self._l0_sum = 0.0
        self._n_summed = 0

    @property
    def n_tokens(self) -> int:
        """Presentations so far."""
        return self.step * self.settings.batch_size

    @property
    def finished(self) -> bool:
        """Whether every step was taken."""
        return self.step >= self.settings.n_steps

    def advance(self) -> None:
        """Take one step."""
        start = time.perf_counter()
        rows = self._presentations.rows(self.step)
        x = read_activations(self._cache, rows).to(self._device).float() * self.statistics.scale
        result = step_loss(
            self.weights,
            x,
            dead=self._silent > self.settings.dead_window * self.settings.n_tokens,
            variance=self.statistics.variance,
            l1=self.settings.l1 * min(1.0, self.step / (_L1_WARMUP * self.settings.n_steps)),
            settings=self.settings,
            dtype=self._dtype,
        )
        self._update(result)
        self.seconds += time.perf_counter() - start

    def note_progress(self) -> Progress:
        """Append the means since the last note to the history; give that entry."""
        dead = self._silent > self.settings.dead_window * self.settings.n_tokens
        entry = Progress(
            self.n_tokens,
            self._fvu_sum / max(1, self._n_summed),
            self._l0_sum / max(1, self._n_summed),
            float(dead.float().mean()),
        )
        self.history.append(entry)
        self._fvu_sum, self._l0_sum, self._n_summed = 0.0, 0.0, 0
        return entry

    def dictionary(self) -> Dictionary:
        """The present weights in the raw space of the hook, decoder rows of norm 1, in float32."""
        return _unscaled(self.weights, self.settings, self.statistics.scale)

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all."""
        temporary = path.with_name(f".{path.name}.partial")
        state = {
            "settings": repr(self.settings),
            "cache": self._cache.meta.sha256,
            "step": self.step,
            "seconds": self.seconds,
            "history": [vars(entry) for entry in self.history],
            "weights": [tensor.detach() for tensor in self.weights.tensors()],
            "optimizer": self._optimizer.state_dict(),
            "silent": self._silent,
            "sums": [self._fvu_sum, self._l0_sum, float(self._n_summed)],
        }
        torch.save(state, temporary)
        temporary.rename(path)

    def restore(self, path: Path) -> None:
        """Go on from a saved state.

        Raises:
            FormatError: the file is damaged, or belongs to other settings or another cache.
        """
        state = _read_state(path, self._device)
        if (state["settings"], state["cache"]) != (repr(self.settings), self._cache.meta.sha256):
            raise FormatError(
                f"{path}: the unfinished run there has other settings or another cache; run it "
                "with the old options, choose another --out, or delete that folder"
            )
        self.step, self.seconds = state["step"], state["seconds"]
        self.history = [Progress(**entry) for entry in state["history"]]
        with torch.no_grad():
            for tensor, saved in zip(self.weights.tensors(), state["weights"], strict=True):
                tensor.copy_(saved)
        self._optimizer.load_state_dict(state["optimizer"])
        self._silent.copy_(state["silent"])
        self._fvu_sum, self._l0_sum = state["sums"][:2]
        self._n_summed = int(state["sums"][2])

    def _update(self, result: StepLoss) -> None:
        if not math.isfinite(result.fvu):
            raise UniversalityError(
                f"training diverged at step {self.step}: lower --lr "
                f"(now {self.settings.learning_rate})"
            )
        self._optimizer.zero_grad()
        result.loss.backward()  # type: ignore[no-untyped-call]
        _stay_on_sphere(self.weights.W_dec)
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * _schedule(
                (self.step + 1) / self.settings.n_steps
            )
        self._optimizer.step()
        with torch.no_grad():
            self.weights.W_dec.div_(self.weights.W_dec.norm(dim=1, keepdim=True))
            self._silent += self.settings.batch_size
            self._silent[result.fired] = 0
        self._fvu_sum += result.fvu
        self._l0_sum += result.l0
        self._n_summed += 1
        self.step += 1


def _initial_weights(
    settings: TrainingSettings, statistics: InputStatistics, device: torch.device
) -> Weights:
    start = initialise(
        len(statistics.mean),
        settings.d_sae,
        architecture=settings.architecture,
        k=settings.k,
        generator=torch.Generator().manual_seed(settings.init_seed),
    )
    tensors = (start.W_enc, start.W_dec, start.b_enc, statistics.mean)
    return Weights(*(t.clone().to(device).requires_grad_() for t in tensors if t is not None))


def _schedule(fraction: float) -> float:
    rise = min(1.0, fraction / _WARMUP)
    fall: float = ((1 + math.cos(math.pi * min(1.0, fraction))) / 2) ** _DECAY
    return rise * fall


@torch.no_grad()
def _stay_on_sphere(W_dec: Float[Tensor, "d_sae d_in"]) -> None:
    if W_dec.grad is not None:
        W_dec.grad -= (W_dec.grad * W_dec).sum(dim=1, keepdim=True) * W_dec


def _unscaled(weights: Weights, settings: TrainingSettings, scale: float) -> Dictionary:
    W_enc, W_dec, b_enc, b_dec = (tensor.detach().cpu().clone() for tensor in weights.tensors())
    return Dictionary(
        W_enc=W_enc,
        W_dec=W_dec,
        b_enc=b_enc / scale,
        b_dec=b_dec / scale,
        activation_fn=activation_rule(settings.architecture, settings.k),
        apply_b_dec_to_input=True,
    )


def _read_state(path: Path, device: torch.device) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise FormatError(f"{path}: not a readable training state ({error}); delete it") from error
    return state
