"""SAELens, versions 3 to 6: `cfg.json` and `sae_weights.safetensors` (decoderesearch/SAELens).

Also what `universality train` and `universality.saving` write.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor

from universality.activation_functions import (
    AbsTopK,
    ActivationFunction,
    Gated,
    JumpReLU,
    NotEncodable,
    ReLU,
    TopK,
)
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.input_normalization import (
    ConstantNorm,
    InputNormalization,
    LayerNorm,
    NoNormalization,
)
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config
from universality.loading.formats.saelens_configs import migrated
from universality.loading.formats.saelens_model import centred, read_loading
from universality.loading.formats.saelens_siblings import (
    Whitening,
    read_firing,
    read_scale,
    read_seed,
    read_whitening,
)
from universality.loading.reading import Encoder, Reading, with_unit_rows

NAME = "saelens"

_NOT_ENCODABLE = {
    "temporal": "a temporal SAE predicts each token from the ones before it",
    "matching_pursuit": "matching pursuit picks latents one after the other, it has no encoder",
}
_TRAINING_TOPK = ("batchtopk", "matryoshka_batchtopk")
_ARCHITECTURES = (
    "standard",
    "gated",
    "jumprelu",
    "topk",
    "abstopk",
    *_TRAINING_TOPK,
    "transcoder",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
    *_NOT_ENCODABLE,
)


@final
@dataclass(frozen=True, eq=False)
class _Frame:
    """What the configuration says, resolved against the tensors."""

    config: Config
    architecture: str
    normalization: InputNormalization
    scale: float
    """Factor on the tokens that is to be folded into the weights."""
    whitening: Whitening | None
    rescale: bool
    """Whether pre-activations are multiplied by the norm of the latent's decoder row."""
    pre_bias: bool
    not_encodable: str
    centres: bool
    """Whether each token's mean is to be subtracted first, folded into the encoder."""


def recognise(checkpoint: Checkpoint) -> bool:
    """A `sae_weights.safetensors` with `cfg.json`, or one whose keys are spelled SAELens' way.

    Also a torch file with `state_dict` and a plain `cfg`, as before version 3.
    """
    if checkpoint.weights.name != "sae_weights.safetensors":
        return bool(_inner_config(checkpoint)) and checkpoint.has("W_enc", "W_dec", "b_enc")
    return bool(checkpoint.config("cfg.json")) or checkpoint.has("W_dec")


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary of a SAELens folder, input scaling and decoder norms folded where used.

    Raises:
        FormatError: an unknown architecture, or tensors that do not fit the configuration.
    """
    reading = Reading(checkpoint)
    frame = _frame(reading)
    W_dec, b_dec, norms = _decoder(reading, frame)
    key = RunKey(
        model_name=frame.config.text("model_name"),
        hook_name=frame.config.text("hook_name"),
        dataset=frame.config.text("dataset_path"),
        step=frame.config.integer("step"),
    )
    return reading.finish(
        W_dec,
        b_dec,
        partial(_encoder, reading, frame, norms, b_dec),
        format=NAME,
        version=_version(frame.config),
        key=key,
        seed=read_seed(checkpoint, frame.config),
        input_normalization=frame.normalization,
        apply_b_dec_to_input=frame.pre_bias,
        W_skip=reading.skip("W_skip"),
        firing=read_firing(checkpoint, W_dec.shape[0]),
        config=frame.config,
    )


def _inner_config(checkpoint: Checkpoint) -> Config:
    """The configuration inside a torch file; empty where there is none."""
    if checkpoint.weights.suffix not in (".pt", ".pth"):
        return Config("", {})
    inner = checkpoint.tensors.others.get("cfg")
    values = inner if isinstance(inner, dict) and {"d_in", "d_sae"} <= set(inner) else {}
    return Config(f"{checkpoint.weights}: cfg", values)


def _version(config: Config) -> str:
    ours = config.text("universality_version")
    theirs = config.text("sae_lens_version") or config.text("sae_lens_training_version") or ""
    return f"{theirs}, by universality {ours}" if ours else theirs


def _frame(reading: Reading) -> _Frame:
    checkpoint = reading.checkpoint
    overrides = checkpoint.request.config_overrides
    config = migrated(checkpoint.config("cfg.json") or _inner_config(checkpoint), overrides)
    if overrides:
        reading.assume(f"SAELens' list of releases sets {', '.join(overrides)} anew")
    if not config:
        reading.assume("no cfg.json: a standard ReLU SAE, b_dec subtracted before encoding")
    architecture = config.text("architecture") or "standard"
    if architecture not in _ARCHITECTURES:
        raise FormatError(
            f"{config.where}: unknown architecture {architecture!r}; "
            f"known are {', '.join(_ARCHITECTURES)}"
        )
    scale, whitening, problem = _foldable(reading, config)
    transcodes = "transcoder" in architecture
    normalization = _normalization(config)
    loading = read_loading(config, normalization)
    if loading.note:
        reading.assume(loading.note)
    return _Frame(
        config=config,
        architecture=architecture,
        normalization=normalization,
        scale=scale,
        whitening=whitening,
        rescale=config.flag("rescale_acts_by_decoder_norm", default=architecture in _TRAINING_TOPK),
        pre_bias=not transcodes and config.flag("apply_b_dec_to_input", default=True),
        not_encodable=_NOT_ENCODABLE.get(architecture, "")
        or problem
        or _foreign_rule(config)
        or loading.refusal,
        centres=loading.centres,
    )


def _foldable(reading: Reading, config: Config) -> tuple[float, Whitening | None, str]:
    """The factor and the whitening to fold, and why encoding is impossible without them."""
    kind = config.text("normalize_activations")
    if kind == "expected_average_only_in":
        scale = read_scale(reading.checkpoint)
        if scale is None:
            return 1.0, None, "its tokens must be scaled by a factor that no file states"
        reading.assume(f"the factor on its tokens, {scale:.6g}, is folded into the weights")
        return scale, None, ""
    if kind == "covariance_whitening":
        whitening = read_whitening(reading.checkpoint)
        if whitening is None:
            return 1.0, None, "its tokens must be whitened, and activation_whitening is missing"
        reading.assume("the whitening of its tokens is folded into the weights")
        return 1.0, whitening, ""
    return 1.0, None, ""


def _normalization(config: Config) -> InputNormalization:
    match config.text("normalize_activations") or "none":
        case "none" | "expected_average_only_in" | "covariance_whitening":
            return NoNormalization()
        case "layer_norm":
            return LayerNorm()
        case "constant_norm_rescale":
            return ConstantNorm()
        case "constant_scalar_rescale" if config.text("architecture") == "temporal":
            return NoNormalization()
        case other:
            raise FormatError(f"{config.where}: unknown normalize_activations {other!r}")


def _foreign_rule(config: Config) -> str:
    rule = config.text("activation_fn") or "relu"
    if rule in ("relu", "topk") or config.text("architecture") != "standard":
        return ""
    return f"its activation function is {rule!r}, which has no exact counterpart here"


def _decoder(reading: Reading, frame: _Frame) -> tuple[Tensor, Tensor, Tensor | None]:
    config = frame.config
    d_sae, d_in = config.integer("d_sae"), config.integer("d_in")
    d_out = config.integer("d_out") or d_in
    W_dec = reading.rows("W_dec", (d_sae, d_out) if d_sae and d_out else None)
    b_dec = reading.vector("b_dec", W_dec.shape[1])
    scaling = reading.optional_scaling("scaling_factor", W_dec.shape[0])
    if scaling is not None:
        W_dec = W_dec.float() * scaling[:, None]
    if frame.whitening is not None:
        W_dec, b_dec = frame.whitening.unwhitened(W_dec, b_dec)
    if frame.scale != 1.0:
        W_dec, b_dec = W_dec.float() / frame.scale, b_dec.float() / frame.scale
    if not frame.rescale:
        return W_dec, b_dec, None
    reading.assume("codes are in units of unit-norm decoder rows: the norms are folded")
    W_dec, norms = with_unit_rows(W_dec)
    return W_dec, b_dec, norms


def _encoder(reading: Reading, frame: _Frame, norms: Tensor | None, b_dec: Tensor) -> Encoder:
    if "W_enc" not in reading.tensors:
        reason = frame.not_encodable or "the file has no W_enc"
        return Encoder(None, None, NotEncodable(reason))
    d_sae = reading.size("W_dec", 0)
    d_in = frame.config.integer("d_in")
    W_enc = reading.columns("W_enc", (d_sae, d_in) if d_in else None)
    b_enc = reading.vector("b_enc", d_sae) if "b_enc" in reading.tensors else None
    rule = _rule(reading, frame, d_sae)
    if frame.scale != 1.0:
        W_enc = W_enc.float() * frame.scale
    if frame.whitening is not None:
        W_enc, b_enc, rule = frame.whitening.whitened(W_enc, b_enc, rule, frame.pre_bias)
    if norms is not None:
        W_enc = W_enc.float() * norms[:, None]
        b_enc = None if b_enc is None else b_enc.float() * norms
    if frame.centres:
        pre_bias = b_dec if frame.pre_bias else None
        W_enc, b_enc, rule = centred(W_enc, b_enc, rule, pre_bias=pre_bias)
    return Encoder(W_enc, b_enc, rule)


def _rule(reading: Reading, frame: _Frame, d_sae: int) -> ActivationFunction:
    if frame.not_encodable:
        return NotEncodable(frame.not_encodable)
    match frame.architecture:
        case "standard" | "transcoder" | "skip_transcoder":
            return ReLU()
        case "topk":
            return TopK(reading.k(frame.config.integer("k"), d_sae, frame.config.where))
        case "abstopk":
            return AbsTopK(reading.k(frame.config.integer("k"), d_sae, frame.config.where))
        case "gated":
            b_gate, r_mag, b_mag = (reading.vector(n, d_sae) for n in ("b_gate", "r_mag", "b_mag"))
            return Gated(b_gate, r_mag, b_mag)
        case "batchtopk" | "matryoshka_batchtopk":
            return _batch_topk(reading, frame, d_sae)
        case _:
            return JumpReLU(reading.vector("threshold", d_sae))


def _batch_topk(reading: Reading, frame: _Frame, d_sae: int) -> ActivationFunction:
    threshold = reading.scalar("topk_threshold")
    if frame.rescale:
        threshold /= frame.scale
    reading.assume(
        f"a {frame.architecture} training checkpoint encodes with its running threshold, "
        f"{threshold:.6g}, as SAELens' own inference files do"
    )
    return JumpReLU(torch.full((d_sae,), threshold, dtype=torch.float32))
