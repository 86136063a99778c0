"""sparsify: `cfg.json` and `sae.safetensors` in a folder per hookpoint (EleutherAI/sparsify)."""

from __future__ import annotations

import re
from functools import partial

from universality.activation_functions import AbsTopK, ActivationFunction, GroupMax, TopK
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config, read_config
from universality.loading.reading import Encoder, Reading, Seed

NAME = "sparsify"


def recognise(checkpoint: Checkpoint) -> bool:
    """A file named `sae.safetensors`."""
    return checkpoint.weights.name == "sae.safetensors"


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary of one hookpoint.

    Raises:
        FormatError: there is no `cfg.json` (it alone states k), or the tensors do not fit it.
    """
    reading = Reading(checkpoint)
    config = checkpoint.config("cfg.json")
    if not config:
        raise FormatError(f"{checkpoint.folder} has no cfg.json, which states k for {NAME}")
    d_in = config.positive("d_in")
    d_sae = _width(config, d_in)
    W_dec = reading.rows("W_dec", (d_sae, reading.size("W_dec", -1)))
    transcode = config.flag("transcode", default=False)
    return reading.finish(
        W_dec,
        reading.vector("b_dec", W_dec.shape[1]),
        partial(_encoder, reading, config, (d_sae, d_in)),
        format=NAME,
        key=_run_key(checkpoint),
        seed=_seed(checkpoint),
        apply_b_dec_to_input=not transcode,
        W_skip=reading.skip("W_skip"),
        config=config,
    )


def _width(config: Config, d_in: int) -> int:
    width = config.integer("num_latents") or d_in * config.positive("expansion_factor")
    if width < 1:
        raise FormatError(f"{config.where}: num_latents must not be negative")
    return width


def _encoder(reading: Reading, config: Config, shape: tuple[int, int]) -> Encoder:
    return Encoder(
        reading.rows("encoder.weight", shape),
        reading.vector("encoder.bias", shape[0]),
        _rule(reading, config, shape[0]),
    )


def _rule(reading: Reading, config: Config, d_sae: int) -> ActivationFunction:
    k = reading.k(config.integer("k"), d_sae, config.where)
    if config.flag("signed", default=False):
        return AbsTopK(k)
    match config.text("activation") or "topk":
        case "topk":
            return TopK(k)
        case "groupmax":
            if d_sae % k:
                raise FormatError(f"{config.where}: k={k} groups do not divide {d_sae} latents")
            return GroupMax(k)
        case other:
            raise FormatError(f"{config.where}: unknown activation {other!r}")


def _run_key(checkpoint: Checkpoint) -> RunKey:
    """Hookpoint from the folder's name, model and data from the run's `config.json` above it."""
    hookpoint = checkpoint.folder
    if re.fullmatch(r"seed\d+", hookpoint.name):
        hookpoint = hookpoint.parent
    run = read_config(hookpoint.parent / "config.json")
    return RunKey(
        model_name=run.text("model"), hook_name=hookpoint.name, dataset=run.text("dataset")
    )


def _seed(checkpoint: Checkpoint) -> Seed:
    named = re.fullmatch(r"seed(\d{1,15})", checkpoint.folder.name)
    if named:
        return Seed(int(named[1]), f"folder name {checkpoint.folder.name}")
    seeds = read_config(checkpoint.folder.parent / "config.json").values.get("init_seeds")
    if isinstance(seeds, list) and len(seeds) == 1 and type(seeds[0]) is int:
        return Seed(seeds[0], "config.json: init_seeds")
    return Seed()
