"""Dictionaries written in the SAELens layout, which sae-lens and this package both load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from universality._version import __version__
from universality.activation_functions import (
    AbsTopK,
    Gated,
    GroupMax,
    Identity,
    JumpReLU,
    NotEncodable,
    ReLU,
    TopK,
)
from universality.dictionary import Dictionary
from universality.errors import UnsupportedError
from universality.input_normalization import (
    ConstantNorm,
    LayerNorm,
    NoNormalization,
    Standardize,
)
from universality.shapes import check_finite
from universality.storage.staging import staged_folder
from universality.validation import FLAG, PATH, Is, either, takes

SAE_LENS_VERSION = "6.54.12"
"""Version of sae-lens whose layout is written."""

_SPARSITY_FLOOR = 1e-10


@takes(
    dictionary=Is((Dictionary,), "a dictionary"),
    folder=PATH,
    overwrite=FLAG,
    metadata=either(Is((Mapping,), "a mapping"), None),
)
def save(
    dictionary: Dictionary,
    folder: str | Path,
    *,
    overwrite: bool = False,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a SAELens folder: `cfg.json`, weights, and sparsity where firing is known.

    The weights keep their precision, half included; computation is declared float32, so sae-lens
    gives the same codes as `Dictionary.encode`. Fixed statistics of the tokens are folded into the
    weights, then in float32. The folder is whole or absent. `metadata` goes beside what the
    dictionary itself knows, into the `metadata` of `cfg.json`.

    Raises:
        UnsupportedError: SAELens has no architecture or normalisation for this dictionary.
        InvalidInputError: a weight is NaN or infinite.
        OutputError: the folder exists already, or cannot be written.
    """
    dictionary = _folded(dictionary)
    config = _config(dictionary, metadata or {})
    tensors = _tensors(dictionary)
    for name, tensor in tensors.items():
        check_finite(tensor.T if name == "W_enc" else tensor, name)
    with staged_folder(folder, overwrite=overwrite) as staged:
        (staged / "cfg.json").write_text(json.dumps(config), encoding="utf-8")
        save_file(tensors, staged / "sae_weights.safetensors")
        if dictionary.firing is not None:
            check_finite(dictionary.firing.frequency, "firing.frequency")
            sparsity = torch.log10(dictionary.firing.frequency.float() + _SPARSITY_FLOOR)
            save_file({"sparsity": sparsity}, staged / "sparsity.safetensors")


def _folded(dictionary: Dictionary) -> Dictionary:
    """The same function of raw tokens without a Standardize before it, where that is exact."""
    rule, W_enc = dictionary.input_normalization, dictionary.W_enc
    plain = dictionary.d_in == dictionary.d_out and dictionary.W_skip is None
    if not isinstance(rule, Standardize) or W_enc is None or not plain:
        return dictionary
    check_finite(rule.mean, "input_normalization.mean")
    check_finite(rule.scale, "input_normalization.scale")
    mean, scale = (part.to(W_enc.device).double() for part in (rule.mean, rule.scale))
    W_enc = W_enc.double() * scale
    b_enc = dictionary.b_enc
    if not dictionary.apply_b_dec_to_input:
        if isinstance(dictionary.activation_fn, Gated):
            return dictionary
        b_enc = (0 if b_enc is None else b_enc.double()) - W_enc @ mean
    b_dec = 0 if dictionary.b_dec is None else dictionary.b_dec.double()
    return replace(
        dictionary,
        W_dec=(dictionary.W_dec.double() / scale).float(),
        W_enc=W_enc.float(),
        b_enc=None if b_enc is None else b_enc.float(),
        b_dec=(b_dec / scale + mean).float(),
        input_normalization=NoNormalization(),
    )


def _config(dictionary: Dictionary, more: Mapping[str, object]) -> dict[str, Any]:
    key = dictionary.key
    metadata: dict[str, object] = {
        "sae_lens_version": SAE_LENS_VERSION,
        "sae_lens_training_version": None,
        "universality_version": __version__,
        "model_name": key.model_name,
        "hook_name": key.hook_name,
        "hook_head_index": None,
        "dataset_path": key.dataset,
        "seed": key.seed,
        "step": key.step,
    } | dict(more)
    architecture = _architecture(dictionary)
    return {
        "d_in": dictionary.d_in,
        "d_sae": dictionary.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": dictionary.apply_b_dec_to_input,
        "normalize_activations": _normalization(dictionary),
        "reshape_activations": "none",
        "metadata": {name: value for name, value in metadata.items() if value is not None},
        **architecture,
    }


def _architecture(dictionary: Dictionary) -> dict[str, Any]:
    transcodes = dictionary.d_in != dictionary.d_out or dictionary.W_skip is not None
    if transcodes:
        return _transcoder(dictionary)
    match dictionary.activation_fn:
        case ReLU():
            return {"architecture": "standard"}
        case TopK(k):
            return {"architecture": "topk", "k": k, "rescale_acts_by_decoder_norm": False}
        case AbsTopK(k):
            return {"architecture": "abstopk", "k": k, "rescale_acts_by_decoder_norm": False}
        case JumpReLU():
            return {"architecture": "jumprelu"}
        case Gated():
            return {"architecture": "gated"}
        case NotEncodable(reason):
            raise UnsupportedError(
                f"{dictionary.source.name} cannot be saved so that it encodes: {reason}; copy its "
                "own files, or save the directions with numpy.save"
            )
        case Identity() | GroupMax() as other:
            raise UnsupportedError(
                f"SAELens has no architecture for {type(other).__name__}; save the directions "
                "with numpy.save instead"
            )


def _transcoder(dictionary: Dictionary) -> dict[str, Any]:
    match dictionary.activation_fn:
        case ReLU():
            name = "transcoder"
        case JumpReLU():
            name = "jumprelu_transcoder"
        case other:
            raise UnsupportedError(f"SAELens has no transcoder with {type(other).__name__}")
    if dictionary.W_skip is not None:
        name = name.replace("transcoder", "skip_transcoder")
    return {"architecture": name, "d_out": dictionary.d_out}


def _normalization(dictionary: Dictionary) -> str:
    match dictionary.input_normalization:
        case NoNormalization():
            return "none"
        case ConstantNorm():
            return "constant_norm_rescale"
        case LayerNorm(eps) if eps == 1e-5:
            return "layer_norm"
        case LayerNorm(eps):
            raise UnsupportedError(f"SAELens' layer_norm has eps=1e-5, this dictionary {eps}")
        case Standardize():
            raise UnsupportedError(
                "SAELens has no standardisation with fixed statistics, and it cannot be folded "
                "into the weights of a gated dictionary or a transcoder"
            )


def _tensors(dictionary: Dictionary) -> dict[str, Tensor]:
    if dictionary.W_enc is None:
        raise UnsupportedError(
            f"{dictionary.source.name} has no encoder; save the directions with numpy.save"
        )
    W_dec = dictionary.W_dec
    b_dec = dictionary.b_dec
    tensors = {
        "W_enc": dictionary.W_enc.T,
        "W_dec": W_dec,
        "b_dec": b_dec if b_dec is not None else W_dec.new_zeros(dictionary.d_out),
    }
    match dictionary.activation_fn:
        case Gated(b_gate, r_mag, b_mag):
            tensors |= {"b_gate": b_gate, "r_mag": r_mag, "b_mag": b_mag}
        case rule:
            b_enc = dictionary.b_enc
            tensors["b_enc"] = b_enc if b_enc is not None else W_dec.new_zeros(dictionary.d_sae)
            if isinstance(rule, JumpReLU):
                tensors["threshold"] = rule.threshold
    if dictionary.W_skip is not None:
        tensors["W_skip"] = dictionary.W_skip
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
