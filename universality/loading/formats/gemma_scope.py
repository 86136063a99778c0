"""Gemma Scope (`params.npz`) and Gemma Scope 2 (`params.safetensors` and `config.json`)."""

from __future__ import annotations

import math
import re
from functools import partial

from torch import Tensor

from universality.activation_functions import JumpReLU
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config
from universality.loading.reading import Encoder, Reading, Seed

NAME = "gemma_scope"

_HOOKS = {
    "res": "hook_resid_post",
    "resid_post": "hook_resid_post",
    "mlp": "hook_mlp_out",
    "mlp_out": "hook_mlp_out",
    "att": "attn.hook_z",
    "attn_out": "attn.hook_z",
    "transcoder": "ln2.hook_normalized",
    "transcoders": "ln2.hook_normalized",
}


def recognise(checkpoint: Checkpoint) -> bool:
    """A file named `params.npz` or `params.safetensors` with one decoder matrix."""
    if checkpoint.weights.name not in ("params.npz", "params.safetensors"):
        return False
    upper = {_upper(name): name for name in checkpoint.tensors.entries}
    return "W_dec" in upper and len(checkpoint.tensors.shape(upper["W_dec"])) == 2


def read(checkpoint: Checkpoint) -> Dictionary:
    """The JumpReLU dictionary or transcoder; no bias is subtracted before encoding.

    Raises:
        FormatError: another architecture, or tensors that do not fit each other.
    """
    reading = Reading(checkpoint, checkpoint.tensors.renamed(_upper))
    config = checkpoint.config("config.json")
    architecture = config.text("architecture") or "jump_relu"
    if architecture != "jump_relu":
        raise FormatError(f"{config.where}: unknown architecture {architecture!r}")
    where = f"{checkpoint.request.spec} {checkpoint.weights}"
    W_dec, factor = _decoder(reading, where)
    return reading.finish(
        W_dec,
        reading.vector("b_dec", W_dec.shape[1]),
        partial(_encoder, reading, W_dec.shape[0], factor),
        format=NAME,
        version="2" if checkpoint.weights.suffix == ".safetensors" else "1",
        key=_run_key(config, where),
        seed=_seed(where),
        W_skip=_skip(reading),
        config=config,
    )


def _upper(name: str) -> str:
    return {"w_enc": "W_enc", "w_dec": "W_dec"}.get(name, name)


def _decoder(reading: Reading, where: str) -> tuple[Tensor, float]:
    W_dec = reading.rows("W_dec")
    scaling = reading.optional_scaling("scaling_factor", W_dec.shape[0])
    if scaling is not None:
        W_dec = W_dec.float() * scaling[:, None]
    if not re.search(r"(^|[/\\])embedding[/\\]", where):
        return W_dec, 1.0
    reading.assume("an embedding SAE: rescaled by sqrt(d_in) to the hook's tokens, as SAELens does")
    factor = math.sqrt(W_dec.shape[1])
    return W_dec.float() * factor, factor


def _encoder(reading: Reading, d_sae: int, factor: float) -> Encoder:
    d_in = reading.size("W_enc", 0)
    W_enc = reading.columns("W_enc", (d_sae, d_in))
    rule = JumpReLU(reading.vector("threshold", d_sae))
    return Encoder(
        W_enc if factor == 1.0 else W_enc.float() / factor, reading.vector("b_enc", d_sae), rule
    )


def _skip(reading: Reading) -> Tensor | None:
    connection = reading.skip("affine_skip_connection")
    return None if connection is None else connection.T


def _run_key(config: Config, where: str) -> RunKey:
    model = config.text("model_name")
    found = re.search(r"gemma-scope-(?:2-)?(\w+?-(?:pt|it))(?:-(\w+))?", where)
    if model is None and found:
        generation = "3" if "gemma-scope-2-" in where else "2"
        model = f"gemma-{generation}-{found[1]}".removesuffix("-pt")
    layer = re.search(r"layer_(\d{1,3})(?!\d)", where)
    site = re.search(r"(resid_post|mlp_out|attn_out|transcoder)", where)
    kind = site[1] if site else (found[2] if found and found[2] else "")
    hook = f"blocks.{int(layer[1])}.{_HOOKS[kind]}" if layer and kind in _HOOKS else None
    return RunKey(model_name=model, hook_name=config.text("hf_hook_point_in") or hook)


def _seed(where: str) -> Seed:
    found = re.search(r"_seed_(\d{1,9})(?!\d)", where)
    return Seed(int(found[1]), "folder name") if found else Seed()
