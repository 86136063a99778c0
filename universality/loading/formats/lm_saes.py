"""lm-saes 2 (OpenMOSS/Llamascopium) and Llama Scope R1-Distill: `config.json` and `sae_weights`.

Tokens are expected scaled to norm sqrt(d) by the caller; the factor is folded here, so that raw
tokens give the codes of training.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from universality.activation_functions import (
    ActivationFunction,
    JumpReLU,
    NotEncodable,
    ReLU,
    TopK,
)
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.input_normalization import ConstantNorm, InputNormalization, NoNormalization
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config
from universality.loading.reading import Encoder, Reading, with_unit_rows
from universality.loading.tensors import TensorFile
from universality.loading.torch_files import from_mapping

NAME = "lm_saes"

_NORM = "dataset_average_activation_norm."
_THRESHOLDS = ("activation_function.log_jumprelu_threshold", "log_jumprelu_threshold")
_LINEAR = {
    "encoder.weight": "W_E",
    "encoder.bias": "b_E",
    "decoder.weight": "W_D",
    "decoder.bias": "b_D",
}


def recognise(checkpoint: Checkpoint) -> bool:
    """The keys `W_E` and `W_D`, or linear layers with a logarithmic threshold."""
    tensors = _weights(checkpoint.tensors)
    linear = "encoder.weight" in tensors and "log_jumprelu_threshold" in tensors
    return linear or ("W_E" in tensors and "W_D" in tensors)


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary for raw tokens.

    Raises:
        FormatError: a crosscoder or another kind of model, an unknown activation function, or
            tensors that do not fit.
    """
    tensors = _weights(checkpoint.tensors)
    linear = "encoder.weight" in tensors
    reading = Reading(checkpoint, tensors.renamed(lambda name: _LINEAR.get(name, name)))
    config = checkpoint.config("config.json")
    kind = config.text("sae_type") or "sae"
    if kind not in ("sae", "transcoder"):
        raise FormatError(f"{config.where}: sae_type {kind!r} is no dictionary of one layer")
    W_dec = reading.columns("W_D") if linear else reading.rows("W_D")
    scale_in, scale_out = _factors(reading, config, W_dec.shape[1])
    norms = (
        with_unit_rows(W_dec)[1]
        if config.flag("sparsity_include_decoder_norm", default=True)
        else None
    )
    rule = _rule(reading, config, W_dec.shape[0], norms)
    folded = isinstance(rule, TopK) and norms is not None
    b_dec = reading.optional_vector("b_D", W_dec.shape[1])
    return reading.finish(
        _decoder(reading, W_dec, norms if folded else None, scale_out or 1.0),
        b_dec if b_dec is None or scale_out is None else b_dec.float() / scale_out,
        partial(_encoder, reading, linear, rule, norms if folded else None, scale_in),
        format=NAME,
        key=RunKey(model_name=config.text("model_name"), hook_name=config.text("hook_point_in")),
        input_normalization=_normalization(config),
        config=config,
    )


def _weights(tensors: TensorFile) -> TensorFile:
    """The state dict, out of `{"sae": state_dict, "version": ...}` where it is wrapped so."""
    inner = tensors.others.get("sae")
    return from_mapping(f"{tensors.where}: sae", inner) if isinstance(inner, dict) else tensors


def _factors(reading: Reading, config: Config, d: int) -> tuple[float | None, float | None]:
    """Factors on incoming and outgoing tokens: 1 where there are none, None where unknown."""
    if config.text("norm_activation") != "dataset-wise":
        return 1.0, 1.0
    stated = [_factor(reading, config, d, side) for side in ("in", "out")]
    scale_in = stated[0] or reading.checkpoint.request.norm_scaling_factor
    if scale_in is not None:
        reading.assume(f"the factor on its tokens, {scale_in:.6g}, is folded into the weights")
    return scale_in, stated[1] or scale_in


def _factor(reading: Reading, config: Config, d: int, side: str) -> float | None:
    hook = config.text(f"hook_point_{side}") or side
    for name in (_NORM + hook, _NORM + side):
        if name in reading.tensors:
            norm = reading.scalar(name)
            if norm <= 0:
                raise FormatError(f"{reading.tensors.where}: {name} must be positive, is {norm}")
            return math.sqrt(d) / norm
    return None


def _normalization(config: Config) -> InputNormalization:
    match config.text("norm_activation") or "inference":
        case "dataset-wise" | "inference" | "none":
            return NoNormalization()
        case "token-wise":
            return ConstantNorm()
        case other:
            raise FormatError(f"{config.where}: unknown norm_activation {other!r}")


def _decoder(reading: Reading, W_dec: Tensor, norms: Tensor | None, scale_out: float) -> Tensor:
    if norms is not None:
        reading.assume("decoder norms are folded: codes are in units of unit-norm decoder rows")
        W_dec = W_dec.float() / norms[:, None]
    return W_dec if scale_out == 1.0 else W_dec.float() / scale_out


def _encoder(
    reading: Reading,
    linear: bool,
    rule: ActivationFunction,
    norms: Tensor | None,
    scale: float | None,
) -> Encoder:
    d_sae = reading.size("W_D", 1 if linear else 0)
    W_enc = reading.rows("W_E") if linear else reading.columns("W_E")
    b_enc = reading.vector("b_E", d_sae)
    if norms is not None:
        W_enc, b_enc = W_enc.float() * norms[:, None], b_enc.float() * norms
    if scale is None:
        rule = NotEncodable("its tokens must be scaled by a factor that no file states")
    elif scale != 1.0:
        W_enc = W_enc.float() * scale
    return Encoder(W_enc, b_enc, rule)


def _rule(reading: Reading, config: Config, d_sae: int, norms: Tensor | None) -> ActivationFunction:
    if config.flag("use_glu_encoder", default=False):
        return NotEncodable("its encoder is a gated linear unit")
    logarithm = next((name for name in _THRESHOLDS if name in reading.tensors), None)
    match config.text("act_fn") or ("jumprelu" if logarithm else "relu"):
        case "relu":
            return ReLU()
        case "topk":
            return TopK(reading.k(config.integer("top_k"), d_sae, config.where))
        case "jumprelu" if logarithm is not None:
            threshold = reading.vector(logarithm, d_sae).float().exp()
            return JumpReLU(threshold if norms is None else threshold / norms)
        case "jumprelu":
            thresholds = config.number("jump_relu_threshold")
            if thresholds is None:
                raise FormatError(f"{config.where}: a jumprelu SAE without a threshold")
            flat = torch.full((d_sae,), thresholds, dtype=torch.float32)
            return JumpReLU(flat if norms is None else flat / norms)
        case other:
            return NotEncodable(f"its activation function {other!r} has no exact counterpart here")
