"""BatchTopK and Matryoshka SAEs of bartbussmann's repositories: `sae.pt` and `config.json`."""

from __future__ import annotations

from functools import partial

import torch

from universality.activation_functions import (
    ActivationFunction,
    JumpReLU,
    NotEncodable,
    ReLU,
    TopK,
)
from universality.dictionary import Dictionary, RunKey
from universality.input_normalization import LayerNorm, NoNormalization
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config
from universality.loading.reading import Encoder, Reading, Seed

NAME = "bartbussmann"

_LOG_THRESHOLD = "jumprelu.log_threshold"


def recognise(checkpoint: Checkpoint) -> bool:
    """A torch file beside a `config.json` with `act_size` and `dict_size`."""
    config = checkpoint.config("config.json")
    torch_file = checkpoint.weights.suffix in (".pt", ".pth")
    return torch_file and "act_size" in config and "dict_size" in config


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary; batch top-k encodes with its threshold, and not at all without one.

    Raises:
        FormatError: tensors that do not fit the configuration.
    """
    reading = Reading(checkpoint)
    config = checkpoint.config("config.json")
    n, d = config.positive("dict_size"), config.positive("act_size")
    kind = config.text("sae_type") or "topk"
    jump = kind == "jumprelu"
    seed = config.integer("seed")
    normalised = config.flag("input_unit_norm", default=False)
    return reading.finish(
        reading.rows("W_dec", (n, d)),
        reading.vector("b_dec", d),
        partial(_encoder, reading, config, kind, (n, d)),
        format=NAME,
        key=RunKey(
            model_name=config.text("model_name"),
            hook_name=config.text("hook_point"),
            dataset=config.text("dataset_path"),
        ),
        seed=Seed(seed, "config.json: seed") if seed is not None else Seed(),
        input_normalization=LayerNorm() if normalised else NoNormalization(),
        apply_b_dec_to_input=config.flag("use_pre_enc_bias", default=not jump),
        config=config,
    )


def _encoder(reading: Reading, config: Config, kind: str, shape: tuple[int, int]) -> Encoder:
    W_enc = reading.columns("W_enc", shape)
    b_enc = reading.vector("b_enc", shape[0]) if "b_enc" in reading.tensors else None
    return Encoder(W_enc, b_enc, _rule(reading, config, kind, shape[0]))


def _rule(reading: Reading, config: Config, kind: str, d_sae: int) -> ActivationFunction:
    if _LOG_THRESHOLD in reading.tensors:
        return JumpReLU(reading.vector(_LOG_THRESHOLD, d_sae).float().exp())
    if kind == "vanilla":
        return ReLU()
    if kind == "topk":
        return TopK(reading.k(config.integer("top_k"), d_sae, config.where))
    if "threshold" in reading.tensors:
        threshold = reading.scalar("threshold")
        reading.assume(f"{kind} encodes with its stored threshold, {threshold:.6g}")
        return JumpReLU(torch.full((d_sae,), threshold, dtype=torch.float32))
    return NotEncodable(f"{kind} picks latents over a whole batch, and no threshold is stored")
