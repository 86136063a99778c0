"""Neel Nanda's 1L-Sparse-Autoencoder and ckkissane's attention SAEs: `NAME.pt`, `NAME_cfg.json`."""

from __future__ import annotations

from functools import partial

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary, RunKey
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config
from universality.loading.reading import Encoder, Reading, Seed

NAME = "neel_nanda"


def recognise(checkpoint: Checkpoint) -> bool:
    """A torch file with `NAME_cfg.json` beside it."""
    return checkpoint.weights.suffix in (".pt", ".pth") and bool(_config(checkpoint))


def read(checkpoint: Checkpoint) -> Dictionary:
    """The ReLU dictionary; b_dec is subtracted before encoding.

    Raises:
        FormatError: tensors that do not fit the configuration, or are square without
            `--orientation`.
    """
    reading = Reading(checkpoint)
    config = _config(checkpoint)
    n = config.integer("dict_size") or reading.size("b_enc", 0)
    d = config.integer("act_size") or reading.size("b_dec", 0)
    W_dec = reading.turned("W_dec", "rows", (n, d))
    seed = config.integer("seed")
    return reading.finish(
        W_dec,
        reading.vector("b_dec", d),
        partial(_encoder, reading, (n, d)),
        format=NAME,
        key=RunKey(model_name=config.text("model_name"), hook_name=config.text("act_name")),
        seed=Seed(seed, f"{checkpoint.weights.stem}_cfg.json: seed")
        if seed is not None
        else Seed(),
        apply_b_dec_to_input=True,
        config=config,
    )


def _config(checkpoint: Checkpoint) -> Config:
    return checkpoint.config(f"{checkpoint.weights.stem}_cfg.json")


def _encoder(reading: Reading, shape: tuple[int, int]) -> Encoder:
    W_enc = reading.turned("W_enc", "columns", shape)
    return Encoder(W_enc, reading.vector("b_enc", shape[0]), ReLU())
