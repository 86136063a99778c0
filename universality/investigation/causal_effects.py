"""What a model does without a latent, or with it held at a value: the forward pass is run.

Taken away is the latent's own contribution, h - f_j d_j, at every token of a context; h is never
replaced by a reconstruction, which would take the autoencoder's error away too. Where a rule
compares latents (TopK), the others keep their codes: nothing is selected anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from universality.activations.row_screen import high_norm
from universality.dictionary import Dictionary
from universality.errors import UnsupportedError
from universality.input_normalization import normalize
from universality.investigation.context_windows import ContextWindows
from universality.models.hooks import HookPoint, resolve_hook
from universality.models.interventions import (
    next_token_log_probabilities,
    run_edited,
    stream_map,
)
from universality.models.language_model import LanguageModel
from universality.models.readout import Readout, read_readout

_WINDOWS_PER_PASS = 16
_TOKENS_PER_TILE = 256


@final
@dataclass(frozen=True, eq=False)
class HookedModel:
    """A language model, opened at the place that dictionaries read and write."""

    model: LanguageModel
    """The model."""
    hook: HookPoint
    """Where the dictionaries read and write."""
    readout: Readout
    """How its logits come from its residual stream."""
    to_stream: Callable[[Tensor], Tensor] | None
    """How what is written there enters the residual stream; None where nothing linear says it."""


def hooked_model(model: LanguageModel, hook_name: str) -> HookedModel:
    """A model opened at a hook.

    Raises:
        InvalidInputError, UnsupportedError: as `resolve_hook` and `read_readout`.
    """
    return HookedModel(
        model,
        resolve_hook(model.module, hook_name, blocks=model.blocks),
        read_readout(model.module, blocks=model.blocks),
        stream_map(model.module, hook_name, blocks=model.blocks),
    )


@final
@dataclass(frozen=True, eq=False)
class CleanRuns:
    """What the untouched model does in some contexts."""

    windows: ContextWindows
    """The contexts."""
    state: Float[Tensor, "n_windows context d_in"]
    """The hidden state at the hook."""
    residual: Float[Tensor, "n_windows context d_model"]
    """What the last layer gives."""
    log_probability: Float[Tensor, "n_windows next"]
    """Of each next token."""

    def take(self, windows: Sequence[int]) -> CleanRuns:
        """Some of the contexts."""
        at = list(windows)
        some = self.windows.take(at)
        return CleanRuns(some, self.state[at], self.residual[at], self.log_probability[at])

    @property
    def scored(self) -> Bool[Tensor, "n_windows next"]:
        """Positions whose next token is there."""
        return self.windows.mask[:, 1:].bool()

    @property
    def editable(self) -> Bool[Tensor, "n_windows context"]:
        """Positions at which latents count: no first ones, no padding, no massive states.

        The first position's norm is ten to three hundred times the others'; no autoencoder was
        trained on such states, and caches leave them out by the same rule.
        """
        mask = self.windows.mask.bool().clone()
        mask[:, 0] = False
        norms = self.state.float().norm(dim=-1)
        massive = torch.zeros_like(mask)
        massive[mask] = high_norm(norms[mask])
        return mask & ~massive


@final
@dataclass(frozen=True, eq=False)
class Effects:
    """What one latent does to the next tokens of some contexts."""

    codes: Float[Tensor, "n_windows context"]
    """How strongly it fires; 0 where it is not looked at."""
    total: Float[Tensor, "n_windows next"]
    """Log-probability of each next token, untouched less without the latent: above 0 it helps."""
    direct: Float[Tensor, "n_windows next"] | None
    """The same with the layers above left as they were; None where nothing linear says it."""

    def take(self, windows: Sequence[int]) -> Effects:
        """Some of the contexts."""
        at = list(windows)
        direct = None if self.direct is None else self.direct[at]
        return Effects(self.codes[at], self.total[at], direct)

    @property
    def reached(self) -> Bool[Tensor, "n_windows next"]:
        """Positions at or after the first firing: nothing before it can change."""
        return (self.codes[:, :-1] != 0).cumsum(dim=1) > 0


@final
@dataclass(frozen=True, eq=False)
class Pinned:
    """What holding a latent at a value does."""

    value: float
    """The code it was held at."""
    rise: Float[Tensor, "n_windows next"]
    """Log-probability of each next token, held less untouched."""
    mean_rise: Float[Tensor, " n_vocabulary"]
    """Of each token of the vocabulary, mean over the positions where it was held."""


@final
@dataclass(frozen=True, eq=False)
class _Edited:
    """The model's answer to an edit."""

    total: Tensor
    residual: Tensor


def run_clean(at: HookedModel, windows: ContextWindows) -> CleanRuns:
    """The untouched forward pass of some contexts."""
    parts = []
    for tokens, mask in _batches(at, windows):
        passed = run_edited(at.model.module, at.hook, tokens, mask, blocks=at.model.blocks)
        scores = next_token_log_probabilities(passed.logits, tokens)
        parts.append((passed.state, passed.residual, scores))
    state, residual, scores = (torch.cat(some).cpu() for some in zip(*parts, strict=True))
    return CleanRuns(windows, state, residual, scores)


def ablate(at: HookedModel, clean: CleanRuns, run: Dictionary, latent: int) -> Effects:
    """The effect of taking one latent away at every token.

    Only contexts in which it fires are run again; in the others nothing can change.

    Raises:
        UnsupportedError: as `check_writes`.
    """
    codes, written = written_by(run, latent, clean)
    direct = None
    if at.to_stream is not None:
        direct = _direct(at, clean, at.to_stream(written.to(at.model.device)).cpu())
    return Effects(codes, _edited(at, clean, written).total, direct)


def pin(at: HookedModel, clean: CleanRuns, run: Dictionary, latent: int, *, value: float) -> Pinned:
    """What holding a latent at a value does, at every token where latents count.

    Raises:
        UnsupportedError: as `check_writes`.
    """
    codes, _ = written_by(run, latent, clean)
    change = value * clean.editable.to(codes) - codes
    edited = _edited(at, clean, -change[..., None] * _unit_written(run, latent, clean))
    rise = mean_rise(at.readout, clean, edited.residual, where=clean.editable)
    return Pinned(value, -edited.total, rise)


def mean_rise(
    readout: Readout,
    clean: CleanRuns,
    residual: Float[Tensor, "n_windows context d_model"],
    *,
    where: Bool[Tensor, "n_windows context"],
) -> Float[Tensor, " n_vocabulary"]:
    """How much the log-probability of each token rises, mean over some positions."""
    rise = torch.zeros(len(readout.W_U), dtype=torch.float64)
    for before, after, chosen in zip(clean.residual, residual, where, strict=True):
        scores = [
            torch.log_softmax(readout.logits(state[chosen].to(readout.W_U)), dim=-1)
            for state in (after, before)
        ]
        rise += (scores[0] - scores[1]).sum(dim=0).double().cpu()
    return rise / max(int(where.sum()), 1)


def check_writes(run: Dictionary) -> None:
    """Nothing, when a run writes where it reads.

    Raises:
        UnsupportedError: it writes elsewhere than it reads, as transcoders do.
    """
    if run.W_skip is not None or run.d_in != run.d_out:
        raise UnsupportedError(
            f"{run.source.name} writes elsewhere than it reads (a transcoder): taking a latent "
            "away there has no meaning at one hook; leave out --model"
        )


def written_by(
    run: Dictionary, latent: int, clean: CleanRuns
) -> tuple[Float[Tensor, "n_windows context"], Float[Tensor, "n_windows context d_in"]]:
    """A latent's codes in some contexts, and what it writes there, in the raw units of the hook."""
    flat = clean.state.reshape(-1, clean.state.shape[-1]).float()
    with torch.inference_mode():
        codes = torch.cat(
            [run.encode(tile)[:, latent].clone() for tile in torch.split(flat, _TOKENS_PER_TILE)]
        )
    codes = codes.reshape(clean.state.shape[:2]) * clean.editable
    return codes, codes[..., None] * _unit_written(run, latent, clean)


def _unit_written(run: Dictionary, latent: int, clean: CleanRuns) -> Tensor:
    """What a code of one writes: input normalisation is undone as decoding undoes it."""
    flat = clean.state.reshape(-1, clean.state.shape[-1]).float()
    _, _, scale = normalize(run.input_normalization, flat)
    return (run.W_dec[latent].float() / scale).expand_as(flat).reshape(clean.state.shape)


def _direct(at: HookedModel, clean: CleanRuns, moved: Tensor) -> Tensor:
    """With the layers above as they were: only the final norm and the head see the change."""
    states = (clean.residual, clean.residual - moved.to(clean.residual.dtype))
    before, after = (_scores(at.readout, state, clean) for state in states)
    return torch.where(clean.scored, before - after, torch.zeros_like(before))


def _scores(readout: Readout, residual: Tensor, clean: CleanRuns) -> Tensor:
    parts = [
        next_token_log_probabilities(
            readout.logits(state[None].to(readout.W_U)), tokens[None]
        ).cpu()
        for state, tokens in zip(residual, clean.windows.tokens, strict=True)
    ]
    return torch.cat(parts)


def _edited(at: HookedModel, clean: CleanRuns, written: Tensor) -> _Edited:
    """Log-probabilities of the next tokens, untouched less with `written` taken away."""
    total, residual = torch.zeros_like(clean.log_probability), clean.residual.clone()
    touched = (written != 0).any(dim=-1).any(dim=-1).nonzero()[:, 0]
    if not len(touched):
        return _Edited(total, residual)
    batches = _batches(at, clean.windows.take(touched.tolist()))
    for (tokens, mask), chosen in zip(
        batches, torch.split(touched, _WINDOWS_PER_PASS), strict=True
    ):
        removed = written[chosen].to(at.model.device, at.model.dtype)
        passed = run_edited(
            at.model.module,
            at.hook,
            tokens,
            mask,
            edit=partial(_without, removed),
            blocks=at.model.blocks,
        )
        residual[chosen] = passed.residual.cpu()
        scores = next_token_log_probabilities(passed.logits, tokens).cpu()
        total[chosen] = clean.log_probability[chosen] - scores
    return _Edited(torch.where(clean.scored, total, torch.zeros_like(total)), residual)


def _without(removed: Tensor, state: Tensor) -> Tensor:
    return state - removed


def _batches(at: HookedModel, windows: ContextWindows) -> list[tuple[Tensor, Tensor]]:
    if not len(windows):
        return []
    parts = (torch.split(some, _WINDOWS_PER_PASS) for some in (windows.tokens, windows.mask))
    return [
        (tokens.to(at.model.device), mask.to(at.model.device))
        for tokens, mask in zip(*parts, strict=True)
    ]
