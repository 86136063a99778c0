"""The canonical sparse autoencoder: whatever the checkpoint, comparisons see only this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import (
    ActivationFunction,
    Gated,
    JumpReLU,
    NotEncodable,
    apply,
    describe_activation,
)
from universality.errors import InvalidInputError, UnsupportedError
from universality.input_normalization import (
    InputNormalization,
    NoNormalization,
    normalize,
    raw_scale,
)
from universality.intake.names import show_names, visible
from universality.validation import FLAG, Constraint, Is, check, either

DirectionName: TypeAlias = Literal["decoder", "encoder"]
"""A view of a latent by a direction: what it writes, or what it reads."""


@final
@dataclass(frozen=True)
class RunKey:
    """What tells one run from another; None where the checkpoint does not say."""

    model_name: str | None = None
    """Language model, as the checkpoint names it."""
    hook_name: str | None = None
    """Where in the model the tokens were read."""
    d_sae: int | None = None
    """Width: the number of latents."""
    seed: int | None = None
    """Seed of the run (of its initialisation, where the two are told apart)."""
    step: int | None = None
    """Training step of the checkpoint, for checkpoints taken on the way."""
    dataset: str | None = None
    """What the tokens came from."""

    def __post_init__(self) -> None:
        show_names(self, "model_name", "hook_name", "dataset")


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Where a dictionary came from and what its loader had to assume."""

    spec: str = "in memory"
    """The address the user gave."""
    name: str = "in memory"
    """A short name for tables and figures."""
    format: str = "memory"
    """The format's name, as `--format` spells it."""
    version: str = ""
    """Version of the library that wrote it, where the file says."""
    part: str = ""
    """Which dictionary of a file that holds several (slice, hook or instance)."""
    weight_files: tuple[Path, ...] = ()
    """The files the weights were read from, for hashing."""
    seed_found_in: str = ""
    """File and key that gave the seed; empty when there is none."""
    assumptions: tuple[str, ...] = ()
    """What the loader decided without being told, one sentence each."""
    missing_keys: tuple[str, ...] = ()
    """Keys the format defines that the file lacks."""
    extra_keys: tuple[str, ...] = ()
    """Keys in the file that the loader did not use."""
    config: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The checkpoint's configuration as it was read."""

    def __post_init__(self) -> None:
        show_names(self, "spec", "name", "part", "assumptions", "missing_keys", "extra_keys")


@final
@dataclass(frozen=True, eq=False)
class Firing:
    """How often each latent fired when someone counted."""

    frequency: Float[Tensor, " d_sae"]
    """Fraction of tokens on which the latent is active, in [0, 1]."""
    source: str
    """Where the counts come from, such as `sparsity.safetensors`."""


_TENSOR = Is((Tensor,), "a torch tensor")

DICTIONARY_TAKES: Mapping[str, Constraint] = {
    "W_dec": _TENSOR,
    "W_enc": either(_TENSOR, None),
    "b_enc": either(_TENSOR, None),
    "b_dec": either(_TENSOR, None),
    "W_skip": either(_TENSOR, None),
    "activation_fn": Is(get_args(ActivationFunction), "one of activation_functions"),
    "input_normalization": Is(get_args(InputNormalization), "one of input_normalization"),
    "apply_b_dec_to_input": FLAG,
    "firing": either(Is((Firing,), "Firing"), None),
    "key": Is((RunKey,), "a RunKey"),
    "source": Is((Source,), "a Source"),
}
"""What each field of a dictionary may be."""


@final
@dataclass(frozen=True, eq=False)
class Dictionary:
    """One sparse autoencoder, rows as directions in both weight matrices.

    Tensors keep the dtype of the checkpoint and may be memory-mapped; computation is in float32.
    """

    W_dec: Float[Tensor, "d_sae d_out"]
    """Decoder: row i is what latent i writes. Of width 0 for a run known by its codes alone, which
    has no view of directions."""
    W_enc: Float[Tensor, "d_sae d_in"] | None = None
    """Encoder: row i is what latent i reads. None for a bare decoder."""
    b_enc: Float[Tensor, " d_sae"] | None = None
    """Encoder bias; None means zero."""
    b_dec: Float[Tensor, " d_out"] | None = None
    """Decoder bias; None means zero."""
    W_skip: Float[Tensor, "d_out d_in"] | None = None
    """Linear path from input to output of a skip transcoder; None means there is none."""
    activation_fn: ActivationFunction = NotEncodable("this is a bare decoder, without an encoder")
    """How pre-activations become codes."""
    input_normalization: InputNormalization = NoNormalization()
    """What happens to a token before it is encoded."""
    apply_b_dec_to_input: bool = False
    """Whether b_dec is subtracted from the (normalised) token before encoding."""
    firing: Firing | None = None
    """Firing counts that came with the checkpoint; None when it brought none."""
    key: RunKey = RunKey()
    """Which run this is."""
    source: Source = Source()
    """Where it came from."""

    def __post_init__(self) -> None:
        check("Dictionary", vars(self), DICTIONARY_TAKES)
        if self.W_dec.ndim != 2 or self.W_dec.shape[0] == 0:
            raise InvalidInputError(
                f"W_dec must have shape (d_sae, d_out), got {tuple(self.W_dec.shape)}"
            )
        n, d_out = self.W_dec.shape
        d_in = self.W_enc.shape[-1] if self.W_enc is not None else d_out
        _check_shape("W_enc", self.W_enc, (n, d_in))
        _check_shape("b_enc", self.b_enc, (n,))
        _check_shape("b_dec", self.b_dec, (d_out,))
        _check_shape("W_skip", self.W_skip, (d_out, d_in))
        match self.activation_fn:
            case JumpReLU(threshold):
                _check_shape("threshold", threshold, (n,))
            case Gated(b_gate, r_mag, b_mag):
                _check_shape("b_gate", b_gate, (n,))
                _check_shape("r_mag", r_mag, (n,))
                _check_shape("b_mag", b_mag, (n,))
            case _:
                pass
        if self.firing is not None:
            _check_shape("firing.frequency", self.firing.frequency, (n,))
        if self.apply_b_dec_to_input and d_in != d_out:
            raise InvalidInputError(
                f"b_dec cannot be subtracted from the input: d_in={d_in}, d_out={d_out}"
            )

    def __repr__(self) -> str:
        key = self.key
        shape = f"{self.d_sae:,} latents of d_in {self.d_in:,}"
        return (
            f"{visible(self.source.name)} ({visible(self.source.format)})\n"
            f"{shape}, {describe_activation(self.activation_fn)}, seed {key.seed}\n"
            f"model {visible(key.model_name or 'unknown')}, "
            f"hook {visible(key.hook_name or 'unknown')}"
        )

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return self.W_dec.shape[0]

    @property
    def d_in(self) -> int:
        """Width of the tokens it reads (of those it writes, for a bare decoder)."""
        return self.W_enc.shape[1] if self.W_enc is not None else self.W_dec.shape[1]

    @property
    def d_out(self) -> int:
        """Width of the tokens it writes."""
        return self.W_dec.shape[1]

    @property
    def views(self) -> tuple[DirectionName, ...]:
        """The directions this dictionary has: the encoder is missing from a bare decoder."""
        if self.d_out == 0:
            return ()
        return ("decoder",) if self.W_enc is None else ("decoder", "encoder")

    def directions(self, view: DirectionName = "decoder") -> Float[Tensor, "d_sae d"]:
        """One row per latent, in the raw space of the hook, not normalised.

        Per-dimension scaling of the input is undone, so that dictionaries trained on differently
        scaled tokens can be compared; a common factor is left in, cosines do not see it.

        Raises:
            InvalidInputError: `view` is neither `decoder` nor `encoder`.
            UnsupportedError: the encoder of a bare decoder was asked for.
        """
        if view == "decoder":
            scale = raw_scale(self.input_normalization, self.d_out)
            return self.W_dec if scale is None else self.W_dec.float() / scale.to(self.W_dec.device)
        if view != "encoder":
            raise InvalidInputError(f"view must be 'decoder' or 'encoder', got {view!r}")
        if self.W_enc is None:
            raise UnsupportedError(f"{self.source.name} is a bare decoder: it has no encoder view")
        scale = raw_scale(self.input_normalization, self.d_in)
        return self.W_enc if scale is None else self.W_enc.float() * scale.to(self.W_enc.device)

    def encode(self, x: Float[Tensor, "n_tokens d_in"]) -> Float[Tensor, "n_tokens d_sae"]:
        """Codes of the tokens by the rule the checkpoint was trained with, dense, in float32.

        Raises:
            InvalidInputError: the tokens have another width.
            UnsupportedError: no exact encoder is known (the message says why).
        """
        if isinstance(self.activation_fn, NotEncodable):
            raise UnsupportedError(
                f"cannot encode with {self.source.name}: {self.activation_fn.reason}"
            )
        if self.W_enc is None:
            raise UnsupportedError(f"cannot encode with {self.source.name}: it has no encoder")
        x, _, _ = normalize(self.input_normalization, self._tokens(x))
        if self.apply_b_dec_to_input and self.b_dec is not None:
            x = x - self.b_dec.to(x)
        pre = x @ self.W_enc.to(x).T
        if self.b_enc is not None:
            pre = pre + self.b_enc.to(x)
        return apply(self.activation_fn, pre)

    def decode(
        self,
        codes: Float[Tensor, "n_tokens d_sae"],
        x: Float[Tensor, "n_tokens d_in"] | None = None,
    ) -> Float[Tensor, "n_tokens d_out"]:
        """Reconstructed tokens, in the raw space of the hook.

        `x`, the tokens that were encoded, is needed only where decoding depends on them: input
        normalisation per token, and skip connections.

        Raises:
            InvalidInputError: the codes have another width, or `x` is needed and missing.
        """
        if codes.shape[-1] != self.d_sae:
            raise InvalidInputError(f"codes have width {codes.shape[-1]}, d_sae is {self.d_sae}")
        needs_x = self.W_skip is not None or not isinstance(
            self.input_normalization, NoNormalization
        )
        if needs_x and x is None:
            raise InvalidInputError(
                "this dictionary normalises its input or has a skip connection: "
                "pass the tokens too, `decode(codes, x)`"
            )
        out = codes.float() @ self.W_dec.to(codes.device, torch.float32)
        if self.b_dec is not None:
            out = out + self.b_dec.to(out)
        if x is None:
            return out
        tokens, shift, scale = normalize(self.input_normalization, self._tokens(x))
        if self.W_skip is not None:
            out = out + tokens @ self.W_skip.to(out).T
        return out / scale + shift

    def _tokens(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.d_in:
            raise InvalidInputError(
                f"tokens have width {x.shape[-1]}, but {self.source.name} reads d_in={self.d_in}"
            )
        return x.float()


def _check_shape(name: str, tensor: Tensor | None, expected: tuple[int, ...]) -> None:
    if tensor is not None and tuple(tensor.shape) != expected:
        raise InvalidInputError(f"{name} must have shape {expected}, got {tuple(tensor.shape)}")
