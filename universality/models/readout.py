"""From the residual stream to logits: the final norm, found by running and probed, and the head."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from universality.errors import UnsupportedError
from universality.models.blocks import find_blocks

_LARGE = 2.0**10
_SMALL = 2.0**-9
_TOLERANCE = 1e-3
"""Share of the largest logit by which a rebuilt one may differ: of another norm all differ more."""


@final
@dataclass(frozen=True, eq=False)
class Readout:
    """What a model does to its final residual stream to get logits."""

    W_U: Float[Tensor, "n_vocabulary d_model"]
    """The head: one row per token."""
    head_bias: Float[Tensor, " n_vocabulary"] | None
    """Its bias; None where it has none."""
    norm: Literal["layer norm", "RMS norm", "none"]
    """What the final norm does before its own weights: with centring, without, or nothing."""
    gain: Float[Tensor, " d_model"]
    """What the norm multiplies each entry by."""
    shift: Float[Tensor, " d_model"]
    """What it adds."""
    eps: float
    """What stands under its root beside the mean square."""
    softcap: float | None
    """Logits are bent to lie within plus and minus this, after the head; None: they are not."""
    factor: float
    """What logits are multiplied by after the head."""
    tied: bool
    """Whether the head's rows are those of the input embedding."""

    @property
    def folded(self) -> Float[Tensor, "n_vocabulary d_model"]:
        """The head with the norm's gain and centring in it: times a direction, its logit weights.

        What is left out is the division by the size of the whole state, the biases, and the
        softcap: a direction has no say in the first two, and the last is no weight.
        """
        rows = self.W_U * self.gain
        if self.norm == "layer norm":
            rows = rows - rows.mean(dim=1, keepdim=True)
        return rows * self.factor

    def head_logits(self, residual: Float[Tensor, "*shape d_model"]) -> Float[Tensor, "*shape n"]:
        """What the head gives for states of the residual stream, before factor and softcap."""
        x = residual
        if self.norm == "layer norm":
            x = x - x.mean(dim=-1, keepdim=True)
        if self.norm != "none":
            x = x / (x.square().mean(dim=-1, keepdim=True) + self.eps).sqrt()
            x = x * self.gain + self.shift
        out = x @ self.W_U.T
        return out if self.head_bias is None else out + self.head_bias

    def logits(self, residual: Float[Tensor, "*shape d_model"]) -> Float[Tensor, "*shape n"]:
        """The model's own logits for states of the residual stream."""
        out = self.head_logits(residual) * self.factor
        return out if self.softcap is None else self.softcap * torch.tanh(out / self.softcap)

    @property
    def description(self) -> str:
        """In words, for summaries."""
        parts: list[str] = [self.norm if self.norm != "none" else "no final norm"]
        parts.append("head tied to the embedding" if self.tied else "head of its own")
        if self.head_bias is not None:
            parts.append("head bias not folded")
        if self.factor != 1:
            parts.append(f"logits times {self.factor:g}")
        if self.softcap is not None:
            parts.append(f"softcap at {self.softcap:g} not folded")
        return ", ".join(parts)


def read_readout(model: nn.Module, *, blocks: str | None = None) -> Readout:
    """The readout of a transformers model, from two forward passes of three tokens.

    The final norm is the module that reads what the last layer gives and gives what the head reads.
    Its gain, shift, centring and eps are probed with states whose norms are known, so LayerNorm,
    RMSNorm and Gemma's `1 + weight` need not be told apart by name. The whole is held against the
    model's own logits.

    Raises:
        UnsupportedError: there is no head; what lies between the last layer and it is no such norm;
            or the logits are not those of the head times a factor, or with a softcap.
    """
    head = _head(model)
    with torch.inference_mode():
        seen = _Seen(model, head, find_blocks(model, blocks)[-1])
        W_U, bias = head.weight, getattr(head, "bias", None)
        norm = seen.final_norm()
        probed = _no_norm(W_U) if norm is None else _probe(norm, W_U)
        embedding: Any = model.get_input_embeddings()  # type: ignore[operator]
        found = Readout(
            W_U=W_U.detach(),
            head_bias=None if bias is None else bias.detach(),
            **probed,
            **_after_head(model, seen),
            tied=embedding.weight.data_ptr() == W_U.data_ptr(),
        )
        _check(found, seen, model)
    return found


def _head(model: nn.Module) -> Any:
    getter: Any = getattr(model, "get_output_embeddings", lambda: None)
    head = getter()
    if head is None or getattr(head, "weight", None) is None:
        raise UnsupportedError(
            f"{type(model).__name__} has no head that gives logits; load it as a causal language "
            "model, or leave out --model"
        )
    return head


class _Seen:
    """One forward pass: what the last layer gave, what the head read and gave, and the logits."""

    def __init__(self, model: nn.Module, head: nn.Module, last: nn.Module) -> None:
        self.passed: list[tuple[nn.Module, Tensor, Tensor]] = []
        self.model = model
        self.head_input = self.head_output = self.residual = torch.empty(0, dtype=torch.float32)

        def on_head(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            self.head_input, self.head_output = inputs[0], output

        def on_last(_module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> None:
            self.residual = output[0] if isinstance(output, tuple) else output

        def on_any(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
                self.passed.append((module, inputs[0], output))

        embedding: Any = model.get_input_embeddings()  # type: ignore[operator]
        tokens = torch.arange(3, device=embedding.weight.device)[None] % len(embedding.weight)
        with ExitStack() as stack:
            for module in model.modules():
                if not any(True for _ in module.children()):
                    stack.callback(module.register_forward_hook(on_any).remove)
            stack.callback(head.register_forward_hook(on_head).remove)
            stack.callback(last.register_forward_hook(on_last).remove)
            self.logits = model(input_ids=tokens, use_cache=False).logits

    def final_norm(self) -> nn.Module | None:
        """The module between the last layer and the head; None where the head reads the layer."""
        if _same(self.residual, self.head_input):
            return None
        for module, read, given in self.passed:
            if _same(read, self.residual) and _same(given, self.head_input):
                return module
        raise UnsupportedError(
            f"{type(self.model).__name__}: no single norm reads what the last layer gives and "
            "gives what the head reads; save the unembedding you mean as .npy or .safetensors"
        )


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool(torch.equal(one, other))


def _no_norm(W_U: Tensor) -> dict[str, Any]:
    ones = torch.ones(W_U.shape[1], dtype=W_U.dtype, device=W_U.device)
    return {"norm": "none", "gain": ones, "shift": torch.zeros_like(ones), "eps": 0.0}


def _probe(norm: nn.Module, W_U: Tensor) -> dict[str, Any]:
    """Gain, shift, centring and eps of a norm, from what it does to alternating states."""
    d = W_U.shape[1]
    gain, shift = torch.zeros(2, d, dtype=W_U.dtype, device=W_U.device)
    for offset in (0, 1):  # with an odd width one entry of each is zero
        state = _alternating(d, offset).to(W_U)
        up, down = norm(_LARGE * state), norm(-_LARGE * state)
        some = state != 0
        size = state.square().mean().sqrt()
        gain[some] = ((up - down) / 2 * size * state)[some]
        shift[some] = ((up + down) / 2)[some]
    ones = norm(_LARGE * torch.ones_like(gain))
    centred = (ones - shift).norm() < (ones - shift - gain).norm()
    return {
        "norm": "layer norm" if bool(centred) else "RMS norm",
        "gain": gain,
        "shift": shift,
        "eps": _eps(norm, gain, shift),
    }


def _eps(norm: nn.Module, gain: Tensor, shift: Tensor) -> float:
    state = _SMALL * _alternating(len(gain), 0).to(gain)
    at = int(((state != 0) * gain.abs()).argmax())
    if float(gain[at]) == 0:
        return 0.0
    scaled = float((norm(state) - shift)[at] / gain[at] / state[at])
    return max(0.0, scaled**-2 - float(state.square().mean()))


def _alternating(d: int, offset: int) -> Tensor:
    state = torch.zeros(d, dtype=torch.float64)
    length = (d - offset) // 2 * 2
    state[offset : offset + length] = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(
        length // 2
    )
    return state


def _after_head(model: nn.Module, seen: _Seen) -> dict[str, Any]:
    given, logits = seen.head_output.double(), seen.logits.double()
    config: Any = getattr(model, "config", None)
    text = config.get_text_config() if config is not None else None
    cap = getattr(text, "final_logit_softcapping", None)
    if cap:
        return {"softcap": float(cap), "factor": 1.0}
    factor = float((given * logits).sum() / given.square().sum())
    return {"softcap": None, "factor": 1.0 if abs(factor - 1) < _TOLERANCE else factor}


def _check(found: Readout, seen: _Seen, model: nn.Module) -> None:
    rebuilt, logits = found.logits(seen.residual.to(found.W_U)), seen.logits.to(found.W_U)
    difference = float((rebuilt - logits).abs().max() / logits.abs().max().clamp_min(1e-9))
    coarse = logits.dtype in (torch.float16, torch.bfloat16)
    if not difference < _TOLERANCE * (100 if coarse else 1):
        raise UnsupportedError(
            f"{type(model).__name__}: its logits are not those of a norm and a head (they differ "
            f"by {difference:.1e} of the largest); save the unembedding you mean as .npy or "
            ".safetensors"
        )
