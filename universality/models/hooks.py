"""Hidden states by TransformerLens-style name, read off transformers modules with forward hooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Literal, assert_never, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from universality.errors import InvalidInputError, UnsupportedError
from universality.models.blocks import find_blocks

_NAME = re.compile(
    r"blocks\.(\d+)\.(?:hook_(resid_pre|resid_mid|resid_post|attn_out|mlp_out)"
    r"|(attn\.hook_z|mlp\.hook_post|ln2\.hook_normalized))"
)
_SUBMODULES = {"attn_out": ("self_attn", "attn", "attention"), "mlp_out": ("mlp", "feed_forward")}
_OUTPUT_PROJECTIONS = {
    "attn_out": ("o_proj", "out_proj", "c_proj", "dense"),
    "mlp_out": ("down_proj", "c_proj", "dense_4h_to_h", "fc_out", "fc2"),
}
_PROJECTED = {"attn.hook_z": "attn_out", "mlp.hook_post": "mlp_out"}
_NORMS_BEFORE_MLP = ("pre_feedforward_layernorm", "post_attention_layernorm", "ln_2")


@final
@dataclass(frozen=True, eq=False)
class HookPoint:
    """One place in a model where a hidden state passes."""

    name: str
    """Its name, such as `blocks.8.hook_resid_post`."""
    module: nn.Module
    """The module that reads or writes the hidden state."""
    side: Literal["input", "output"]
    """Which of the two it is."""
    depth: int
    """Index of its layer, from 0."""
    passes: Callable[[Tensor], Tensor] | None = None
    """What is done to the hidden state before it is kept; None for nothing."""


def resolve_hook(model: nn.Module, name: str, *, blocks: str | None = None) -> HookPoint:
    """The place in a transformers model that a TransformerLens-style name means.

    Known are `blocks.N.hook_resid_pre`, `hook_attn_out`, `hook_resid_mid`, `hook_mlp_out` and
    `hook_resid_post`: the input of layer N, the output of its attention, the residual stream after
    it, the output of its MLP, and the output of the layer. Models that normalise those two outputs
    again (Gemma 2) are read before that norm. `blocks.N.attn.hook_z` is what all heads give, side
    by side, before the output projection mixes them; `blocks.N.mlp.hook_post` is the neurons of
    the MLP, which its output projection reads; `blocks.N.ln2.hook_normalized` is what the norm
    before the MLP gives, before its own weight and bias. `blocks` is the path of the list of
    layers, for models in which `find_blocks` cannot tell.

    Raises:
        InvalidInputError: the name is none of these, or the layer does not exist.
        UnsupportedError: the model keeps its layers where this function does not look, or has no
            such place: with attention and MLP in parallel there is no `hook_resid_mid`.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidInputError(
            f"--hook {name!r}: expected blocks.N.hook_resid_post, hook_resid_mid, hook_resid_pre, "
            "hook_mlp_out, hook_attn_out, attn.hook_z, mlp.hook_post or ln2.hook_normalized"
        )
    layers, depth, kind = find_blocks(model, blocks), int(match[1]), match[2] or match[3]
    if depth >= len(layers):
        raise InvalidInputError(f"--hook {name!r}: the model has layers 0 to {len(layers) - 1}")
    if kind in _SUBMODULES:
        return HookPoint(name, _submodule(layers[depth], kind), "output", depth)
    if kind == "resid_mid":
        return HookPoint(name, _norm_before_mlp(layers[depth]), "input", depth)
    if kind in _PROJECTED:
        return HookPoint(name, _output_projection(layers[depth], kind), "input", depth)
    if kind == "ln2.hook_normalized":
        norm = _norm_before_mlp(layers[depth], what="ln2.hook_normalized", reads_middle=False)
        return HookPoint(name, norm, "input", depth, _normalizing(norm))
    return HookPoint(name, layers[depth], "input" if kind == "resid_pre" else "output", depth)


def record(
    model: nn.Module,
    hooks: Sequence[HookPoint],
    tokens: Int[Tensor, "n_windows context"],
    mask: Int[Tensor, "n_windows context"],
) -> dict[str, Float[Tensor, "n_windows context d_in"]]:
    """The hidden states at each hook, by name, in the model's dtype.

    Zeros of the mask are padding, on either side: a token's position counts the ones before it. The
    forward pass stops as soon as every hook has fired: layers above the last one cost nothing.
    """
    placed = {} if mask[:, 0].all() else {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    states: dict[str, Tensor] = {}
    with ExitStack() as stack, torch.inference_mode():
        for hook in hooks:
            stack.callback(_attach(hook, states, len(hooks)).remove)
        with suppress(_AllRecordedError):
            model(input_ids=tokens, attention_mask=mask, use_cache=False, **placed)
    return states


class _AllRecordedError(Exception):
    """Leaves a forward pass whose remaining layers nobody asked for."""


def _attach(hook: HookPoint, states: dict[str, Tensor], wanted: int) -> Any:
    def keep(value: Any) -> None:
        state = value[0] if isinstance(value, tuple) else value
        states[hook.name] = state if hook.passes is None else hook.passes(state)
        if len(states) == wanted:
            raise _AllRecordedError

    match hook.side:
        case "output":
            return hook.module.register_forward_hook(lambda _module, _inputs, output: keep(output))
        case "input":
            return hook.module.register_forward_pre_hook(_reading_input(keep), with_kwargs=True)
        case _:
            assert_never(hook.side)


def _reading_input(keep: Callable[[Any], None]) -> Callable[..., None]:
    def read(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        keep(inputs[0] if inputs else named["hidden_states"])

    return read


def _submodule(layer: nn.Module, kind: str) -> nn.Module:
    for name in _SUBMODULES[kind]:
        if hasattr(layer, name):
            return layer.get_submodule(name)
    raise UnsupportedError(
        f"{type(layer).__name__} has no {' or '.join(_SUBMODULES[kind])}: no hook_{kind} here"
    )


def _output_projection(layer: nn.Module, kind: str) -> nn.Module:
    part = _submodule(layer, _PROJECTED[kind])
    names = _OUTPUT_PROJECTIONS[_PROJECTED[kind]]
    for name in names:
        if hasattr(part, name):
            return part.get_submodule(name)
    raise UnsupportedError(f"{type(part).__name__} has no {', '.join(names)}: no {kind} here")


def _normalizing(norm: nn.Module) -> Callable[[Tensor], Tensor]:
    """What a norm does before its own weight and bias, in float32."""
    eps = float(getattr(norm, "eps", getattr(norm, "variance_epsilon", 0.0)))
    centres = isinstance(norm, nn.LayerNorm)
    if not centres and not type(norm).__name__.endswith("RMSNorm"):
        raise UnsupportedError(
            f"{type(norm).__name__} is neither LayerNorm nor RMSNorm: no ln2.hook_normalized here"
        )

    def normalized(state: Tensor) -> Tensor:
        x = state.float()
        x = x - x.mean(dim=-1, keepdim=True) if centres else x
        return x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt()

    return normalized


def _norm_before_mlp(
    layer: nn.Module, *, what: str = "hook_resid_mid", reads_middle: bool = True
) -> nn.Module:
    norms_output = hasattr(layer, "post_feedforward_layernorm")
    parallel = reads_middle and getattr(layer, "use_parallel_residual", False)
    for name in _NORMS_BEFORE_MLP[: 1 if norms_output else None]:
        if hasattr(layer, name) and not parallel:
            return layer.get_submodule(name)
    raise UnsupportedError(
        f"{type(layer).__name__}: no norm between attention and MLP reads the residual stream; "
        f"no {what} here"
    )
