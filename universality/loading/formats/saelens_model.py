"""How SAELens loaded the language model, and what that asks of an encoder for raw tokens.

`model_from_pretrained_kwargs` goes to TransformerLens. With `center_writing_weights`, everything
that a LayerNorm model writes into its residual stream has mean zero, so its hooks give
x - mean(x), which other libraries' activations are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import ActivationFunction, Gated
from universality.input_normalization import (
    ConstantNorm,
    InputNormalization,
    LayerNorm,
)
from universality.loading.configs import Config
from universality.naming import read_model

KEY = "model_from_pretrained_kwargs"
"""Its place in the configuration."""

_WRITTEN = re.compile(r"(blocks\.\d+\.)?hook_(resid_(pre|mid|post)|attn_out|mlp_out|(pos_)?embed)")
_BEHIND_A_NORM = re.compile(r"blocks\.\d+\.(attn\.hook_[qkvz]|mlp\.hook_(pre|post)|ln\d\.hook_\w+)")
_MOVES_VALUES = ("fold_value_biases", "refactor_factored_attn_matrices")


@final
@dataclass(frozen=True)
class Loading:
    """What an encoder must do because of how its model was loaded."""

    centres: bool = False
    """Whether each token's mean is subtracted first."""
    note: str = ""
    """What was decided, for the record."""
    refusal: str = ""
    """Why its tokens cannot be made from a model loaded otherwise; empty where they can."""


def read_loading(config: Config, normalization: InputNormalization) -> Loading:
    """What the configuration says of the model's loading, for its hook.

    Raises:
        FormatError: an option is not true or false.
    """
    options = config.section(KEY)
    hook = config.text("hook_name") or ""
    moved = [name for name in _MOVES_VALUES if options.flag(name, default=False)]
    if moved and hook.endswith("attn.hook_z"):
        return Loading(refusal=f"its model was loaded with {moved[0]}, which changes {hook}")
    if not options.flag("center_writing_weights", default=False):
        return Loading()
    return _centring(config.text("model_name"), hook, normalization)


def _centring(model_name: str | None, hook: str, normalization: InputNormalization) -> Loading:
    said = "its model was loaded with center_writing_weights"
    model = read_model(model_name)
    norm = None if model is None else model.norm
    if norm == "rms":
        return Loading(note=f"{said}, which does nothing to {model_name}: it has no LayerNorm")
    if _BEHIND_A_NORM.fullmatch(hook) and norm == "layer":
        return Loading(note=f"{said}, which does not change what passes {hook}")
    if norm is None:
        return Loading(refusal=f"{said}, and whether {model_name} has LayerNorm is not known")
    if not _WRITTEN.fullmatch(hook):
        return Loading(refusal=f"{said}, and what that does to {hook or 'its hook'} is not known")
    match normalization:
        case LayerNorm():
            return Loading(note=f"{said}: its own layer_norm subtracts each token's mean anyway")
        case ConstantNorm():
            return Loading(refusal=f"{said}, and its tokens were rescaled after that")
        case _:
            return Loading(
                centres=True,
                note=f"{said}: each token's mean is subtracted before encoding, folded into the "
                "encoder",
            )


def centred(
    W_enc: Float[Tensor, "d_sae d_in"],
    b_enc: Float[Tensor, " d_sae"] | None,
    rule: ActivationFunction,
    *,
    pre_bias: Float[Tensor, " d_in"] | None,
) -> tuple[Float[Tensor, "d_sae d_in"], Float[Tensor, " d_sae"] | None, ActivationFunction]:
    """The encoder that gives for a raw token what this one gives for x - mean(x), in float32.

    `pre_bias` is what is subtracted from the token before encoding; its own mean stays in.
    """
    means = W_enc.double().mean(dim=1)
    folded = (W_enc.double() - means[:, None]).float()
    if pre_bias is None:
        return folded, b_enc, rule
    shift = means * pre_bias.double().sum()
    if isinstance(rule, Gated):
        rule = Gated(
            (rule.b_gate - shift).float(),
            rule.r_mag,
            (rule.b_mag - shift * rule.r_mag.double().exp()).float(),
        )
    bias = -shift if b_enc is None else b_enc - shift
    return folded, None if isinstance(rule, Gated) else bias.float(), rule
