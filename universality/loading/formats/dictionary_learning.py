"""dictionary_learning: `ae.pt` and `config.json` (saprmarks/dictionary_learning)."""

from __future__ import annotations

import re
from functools import partial

import torch
from torch import Tensor

from universality.activation_functions import ActivationFunction, Gated, JumpReLU, ReLU, TopK
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config
from universality.loading.reading import Encoder, Reading, Seed
from universality.loading.tensors import TensorFile, listed
from universality.loading.torch_files import from_mapping

NAME = "dictionary_learning"

_PREFIX = "_orig_mod."
_ROWS = ("JumpReluAutoEncoder", "MatryoshkaBatchTopKSAE")
_NO_PRE_BIAS = ("AutoEncoderNew", "JumpReluAutoEncoder")
_DECODER_BIAS = {
    "AutoEncoder": "bias",
    "AutoEncoderNew": "decoder.bias",
    "GatedAutoEncoder": "decoder_bias",
}
_VARIANTS = {"topk": "AutoEncoderTopK", "batchtopk": "BatchTopKSAE"}


def recognise(checkpoint: Checkpoint) -> bool:
    """An `ae.pt` or `ae_STEP.pt`, or a torch file beside a config with a trainer."""
    name = checkpoint.weights.name
    if checkpoint.weights.suffix != ".pt":
        return False
    return bool(re.fullmatch(r"ae(_\d+)?\.pt", name)) or "trainer" in _config_file(checkpoint)


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary of any of the seven classes, as its own `encode` defines it.

    Raises:
        FormatError: an unknown class, tensors that fit none, or top-k tensors whose class no
            config tells.
    """
    tensors, step = _unwrapped(checkpoint.tensors)
    reading = Reading(checkpoint, tensors)
    config = _config_file(checkpoint).section("trainer")
    kind = _kind(reading, config)
    W_dec = _decoder(reading, kind, config)
    d_sae, d_in = W_dec.shape
    b_dec = reading.vector(_DECODER_BIAS.get(kind, "b_dec"), d_in)
    seed = config.integer("seed")
    return reading.finish(
        W_dec,
        b_dec,
        partial(_encoder, reading, kind, (d_sae, d_in)),
        format=NAME,
        key=RunKey(
            model_name=config.text("lm_name"),
            hook_name=config.text("submodule_name"),
            step=step if step is not None else _step(checkpoint),
        ),
        seed=Seed(seed, "config.json: trainer.seed") if seed is not None else Seed(),
        apply_b_dec_to_input=kind not in _NO_PRE_BIAS,
        config=config,
    )


def _config_file(checkpoint: Checkpoint) -> Config:
    own = checkpoint.config("config.json")
    in_checkpoints = checkpoint.folder.name == "checkpoints"
    return checkpoint.config("../config.json") if not own and in_checkpoints else own


def _unwrapped(tensors: TensorFile) -> tuple[TensorFile, int | None]:
    """The weights themselves, out of a backup and without torch.compile's prefix."""
    step = None
    weights = tensors.others.get("ae")
    if isinstance(weights, dict):
        saved = tensors.others.get("step")
        step = saved if isinstance(saved, int) else None
        factor = tensors.others.get("norm_factor")
        tensors = from_mapping(f"{tensors.where}: ae", weights)
        if factor is not None:
            tensors = _rescaled(tensors, factor)
    return tensors.renamed(lambda name: name.removeprefix(_PREFIX)), step


def _rescaled(tensors: TensorFile, factor: object) -> TensorFile:
    """A backup's weights for raw tokens: biases and thresholds times the factor on the tokens."""
    value = float(factor) if isinstance(factor, int | float) else 0.0
    if not value > 0 or value == float("inf"):
        raise FormatError(f"{tensors.where}: norm_factor must be positive, found {factor!r}")
    scaled = {
        name: entry.read() * value if name.removeprefix(_PREFIX) in _SCALED else entry.read()
        for name, entry in tensors.entries.items()
    }
    return from_mapping(tensors.where, scaled)


_SCALED = {
    "bias",
    "encoder.bias",
    "decoder.bias",
    "decoder_bias",
    "mag_bias",
    "gate_bias",
    "b_enc",
    "b_dec",
    "threshold",
}


def _kind(reading: Reading, config: Config) -> str:
    """The class, by the config, else by keys that only one class has."""
    named = config.text("dict_class") or _VARIANTS.get(reading.checkpoint.request.variant)
    if named is None:
        named = _kind_by_keys(reading)
        reading.assume(f"the keys are those of {named} alone: no config.json names the class")
    if named not in _ENCODERS:
        raise FormatError(
            f"{config.where}: unknown dict_class {named!r}; known are {', '.join(_ENCODERS)}"
        )
    keys = reading.tensors
    if named == "AutoEncoder" and "bias" not in keys and "decoder.bias" in keys:
        reading.assume("config.json says AutoEncoder, the keys are AutoEncoderNew's")
        return "AutoEncoderNew"
    return named


def _kind_by_keys(reading: Reading) -> str:
    tensors = reading.tensors
    if "group_sizes" in tensors:
        return "MatryoshkaBatchTopKSAE"
    if "k" in tensors:
        raise FormatError(
            f"{tensors.where}: AutoEncoderTopK and BatchTopKSAE save the same keys, and there is "
            "no config.json that names the class; pass --format dictionary_learning:topk or "
            "dictionary_learning:batchtopk"
        )
    for key, kind in {
        "gate_bias": "GatedAutoEncoder",
        "bias": "AutoEncoder",
        "decoder.bias": "AutoEncoderNew",
        "threshold": "JumpReluAutoEncoder",
    }.items():
        if key in tensors:
            return kind
    raise FormatError(
        f"{tensors.where} holds {listed(tensors.entries)}: no class of dictionary_learning"
    )


def _decoder(reading: Reading, kind: str, config: Config) -> Tensor:
    n, d = config.integer("dict_size"), config.integer("activation_dim")
    shape = (n, d) if n and d else None
    if kind in _ROWS:
        return reading.rows("W_dec", shape)
    return reading.columns("decoder.weight", shape)


def _encoder(reading: Reading, kind: str, shape: tuple[int, int]) -> Encoder:
    rule = _ENCODERS[kind](reading, shape[0])
    if kind in _ROWS:
        return Encoder(reading.columns("W_enc", shape), reading.vector("b_enc", shape[0]), rule)
    W_enc = reading.rows("encoder.weight", shape)
    gated = kind == "GatedAutoEncoder"
    return Encoder(W_enc, None if gated else reading.vector("encoder.bias", shape[0]), rule)


def _relu(reading: Reading, d_sae: int) -> ActivationFunction:
    return ReLU()


def _gated(reading: Reading, d_sae: int) -> ActivationFunction:
    b_gate, r_mag, b_mag = (reading.vector(n, d_sae) for n in ("gate_bias", "r_mag", "mag_bias"))
    return Gated(b_gate, r_mag, b_mag)


def _jump_relu(reading: Reading, d_sae: int) -> ActivationFunction:
    return JumpReLU(reading.vector("threshold", d_sae))


def _topk(reading: Reading, d_sae: int) -> ActivationFunction:
    reading.use("threshold")
    return TopK(reading.k(int(reading.scalar("k")), d_sae, reading.tensors.where))


def _batch_topk(reading: Reading, d_sae: int) -> ActivationFunction:
    reading.use("k", "group_sizes")
    threshold = reading.scalar("threshold")
    if threshold < 0:
        reading.assume(
            f"its threshold was never set ({threshold:g}): every positive pre-activation fires, "
            "as in its own encode"
        )
    return JumpReLU(torch.full((d_sae,), threshold, dtype=torch.float32))


_ENCODERS = {
    "AutoEncoder": _relu,
    "AutoEncoderNew": _relu,
    "GatedAutoEncoder": _gated,
    "JumpReluAutoEncoder": _jump_relu,
    "AutoEncoderTopK": _topk,
    "BatchTopKSAE": _batch_topk,
    "MatryoshkaBatchTopKSAE": _batch_topk,
}


def _step(checkpoint: Checkpoint) -> int | None:
    found = re.fullmatch(r"ae_(\d{1,15})\.pt", checkpoint.weights.name)
    return int(found[1]) if found else None
