"""Llama Scope: `hyperparams.json` and `checkpoints/final.safetensors` (OpenMOSS, fnlp).

Read in the order of the authors' own loader: the norm of the tokens is folded first, then the
norm of the decoder rows, and only then is the pre-activation held against the threshold. SAELens
leaves out the second step, so its latents fire otherwise wherever decoder rows are not unit.
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

NAME = "llama_scope"


def recognise(checkpoint: Checkpoint) -> bool:
    """Linear layers with a `hyperparams.json` in the folder, or the one above `checkpoints`."""
    return bool(_hyperparams(checkpoint)) and checkpoint.has("encoder.weight", "decoder.weight")


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary for raw tokens, decoder rows of norm one.

    Raises:
        FormatError: an unknown activation function or normalisation, or tensors that do not fit.
    """
    reading = Reading(checkpoint)
    config = _hyperparams(checkpoint)
    n, d = config.integer("d_sae"), config.integer("d_model")
    W_dec = reading.columns("decoder.weight", (n, d) if n and d else None)
    b_dec = None
    if config.flag("use_decoder_bias", default=True):
        b_dec = reading.vector("decoder.bias", W_dec.shape[1])
    factors = _token_factors(reading, config, W_dec.shape[1])
    scale_in, scale_out = factors or (1.0, 1.0)
    W_dec = W_dec.float() * (scale_in / scale_out)
    norms = torch.ones(W_dec.shape[0], dtype=torch.float32)
    if config.flag("sparsity_include_decoder_norm", default=True):
        reading.assume("decoder norms are folded before the threshold, in the authors' own order")
        W_dec, norms = with_unit_rows(W_dec)
    return reading.finish(
        W_dec,
        None if b_dec is None else b_dec.float() / scale_out,
        partial(_encoder, reading, config, norms, None if factors is None else scale_in),
        format=NAME,
        key=RunKey(model_name=config.text("model_name"), hook_name=config.text("hook_point_in")),
        input_normalization=_normalization(config),
        apply_b_dec_to_input=config.flag("apply_decoder_bias_to_pre_encoder", default=False),
        config=config,
    )


def _hyperparams(checkpoint: Checkpoint) -> Config:
    own = checkpoint.config("hyperparams.json")
    above = checkpoint.folder.name == "checkpoints"
    return checkpoint.config("../hyperparams.json") if not own and above else own


def _token_factors(reading: Reading, config: Config, d: int) -> tuple[float, float] | None:
    """Factors on incoming and outgoing tokens; None when they are needed and not stated."""
    if config.text("norm_activation") != "dataset-wise":
        return 1.0, 1.0
    norms = config.section("dataset_average_activation_norm")
    norm_in, norm_out = norms.number("in"), norms.number("out")
    if norm_in is None:
        return None
    norm_out = norm_in if norm_out is None else norm_out
    if norm_in <= 0 or norm_out <= 0:
        raise FormatError(f"{norms.where}: norms must be positive, found {norm_in}, {norm_out}")
    reading.assume(f"the tokens' average norm, {norm_in:g}, is folded into the weights")
    return math.sqrt(d) / norm_in, math.sqrt(d) / norm_out


def _normalization(config: Config) -> InputNormalization:
    match config.text("norm_activation") or "inference":
        case "dataset-wise" | "inference" | "none":
            return NoNormalization()
        case "token-wise":
            return ConstantNorm()
        case other:
            raise FormatError(f"{config.where}: unknown norm_activation {other!r}")


def _encoder(reading: Reading, config: Config, norms: Tensor, scale: float | None) -> Encoder:
    d_sae = len(norms)
    d_in = reading.size("encoder.weight", -1)
    W_enc = reading.rows("encoder.weight", (d_sae, d_in)).float() * norms[:, None]
    b_enc = reading.vector("encoder.bias", d_sae).float() * norms / (scale or 1.0)
    if scale is None:
        reason = "its tokens must be scaled by their average norm, which no file states"
        return Encoder(W_enc, b_enc, NotEncodable(reason))
    if config.flag("use_glu_encoder", default=False):
        return Encoder(W_enc, b_enc, NotEncodable("its encoder is a gated linear unit"))
    return Encoder(W_enc, b_enc, _rule(reading, config, d_sae))


def _rule(reading: Reading, config: Config, d_sae: int) -> ActivationFunction:
    threshold = config.number("jump_relu_threshold") or 0.0
    match config.text("act_fn") or "jumprelu":
        case "topk" if threshold > 0:
            reading.assume(f"a top-k SAE encodes with its threshold, {threshold:g}, as published")
            return JumpReLU(torch.full((d_sae,), threshold, dtype=torch.float32))
        case "topk":
            return TopK(reading.k(config.integer("top_k"), d_sae, config.where))
        case "jumprelu":
            return JumpReLU(torch.full((d_sae,), threshold, dtype=torch.float32))
        case "relu":
            return ReLU()
        case other:
            raise FormatError(f"{config.where}: unknown act_fn {other!r}")
