"""A forward pass in which one hidden state is edited and everything above it runs on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from universality.errors import UnsupportedError
from universality.models.blocks import find_blocks
from universality.models.hooks import HookPoint, resolve_hook

Edit: TypeAlias = Callable[[Tensor], Tensor]
"""From the hidden state at a hook to the one that the model goes on with."""


@final
@dataclass(frozen=True, eq=False)
class Passed:
    """What one forward pass gave."""

    state: Float[Tensor, "n_windows context d_in"]
    """The hidden state at the hook, before any edit."""
    residual: Float[Tensor, "n_windows context d_model"]
    """What the last layer gave: it is hooked there, not read from `hidden_states`, which holds the
    normed one."""
    logits: Float[Tensor, "n_windows context n_vocabulary"]
    """The model's logits."""


def run_edited(
    model: nn.Module,
    hook: HookPoint,
    tokens: Int[Tensor, "n_windows context"],
    mask: Int[Tensor, "n_windows context"],
    *,
    edit: Edit | None = None,
    blocks: str | None = None,
) -> Passed:
    """One forward pass, with the state at the hook edited; None edits nothing, by the same path.

    Zeros of the mask are padding on the right. Nothing before the first edited position can change
    in a causal model.

    Raises:
        UnsupportedError: the hook only reads (`ln2.hook_normalized`), so nothing can be edited.
    """
    if hook.passes is not None:
        raise UnsupportedError(f"{hook.name} is computed from a state and cannot be edited")
    seen: dict[str, Tensor] = {}

    def on_hook(state: Tensor) -> Tensor:
        seen["state"] = state
        return state if edit is None else edit(state)

    def on_last(_module: nn.Module, _inputs: Any, output: Any) -> None:
        seen["residual"] = output[0] if isinstance(output, tuple) else output

    with ExitStack() as stack, torch.inference_mode():
        stack.callback(_attach_edit(hook, on_hook).remove)
        # After the edit's own hook, so that an edit of the last layer is in its residual.
        last = find_blocks(model, blocks)[-1]
        stack.callback(last.register_forward_hook(on_last).remove)
        logits = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
    return Passed(seen["state"], seen["residual"], logits)


def next_token_log_probabilities(
    logits: Float[Tensor, "n_windows context n_vocabulary"],
    tokens: Int[Tensor, "n_windows context"],
) -> Float[Tensor, "n_windows next"]:
    """Entry t: the logarithm of the probability that the logits of position t give token t + 1."""
    following = tokens[:, 1:, None].long()
    scores = logits[:, :-1]
    chosen = scores.gather(-1, following)[..., 0]
    return chosen - torch.logsumexp(scores, dim=-1)


def stream_map(
    model: nn.Module, name: str, *, blocks: str | None = None
) -> Callable[[Tensor], Tensor] | None:
    """How what is written at a hook enters the residual stream; None where no linear map says it.

    The residual stream itself, and what attention and MLP add to it, enter as they are. Neurons
    and heads pass their output projection. Where a layer norms its parts' outputs again (Gemma 2,
    OLMo 2) what is written at these parts does not enter linearly.
    """
    hook = resolve_hook(model, name, blocks=blocks)
    if "hook_resid" in name:
        return lambda written: written
    layer = find_blocks(model, blocks)[hook.depth]
    if hook.passes is not None or hasattr(layer, "post_feedforward_layernorm"):
        return None
    if hook.side == "output":
        return lambda written: written
    return _without_bias(hook.module)


def _without_bias(projection: nn.Module) -> Callable[[Tensor], Tensor]:
    def project(written: Tensor) -> Tensor:
        with torch.inference_mode():
            found: Tensor = projection(written) - projection(torch.zeros_like(written))
        return found

    return project


def _attach_edit(hook: HookPoint, edit: Edit) -> Any:
    def on_output(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        return (edit(output[0]), *output[1:]) if isinstance(output, tuple) else edit(output)

    def on_input(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if inputs:
            return (edit(inputs[0]), *inputs[1:]), named
        return inputs, named | {"hidden_states": edit(named["hidden_states"])}

    match hook.side:
        case "output":
            return hook.module.register_forward_hook(on_output)
        case "input":
            return hook.module.register_forward_pre_hook(on_input, with_kwargs=True)
        case _:
            assert_never(hook.side)
