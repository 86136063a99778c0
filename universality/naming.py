"""One name for a language model and for a place in it, whatever library wrote it down.

TransformerLens says `gpt2-small` and `blocks.7.hook_resid_post`, the hub `openai-community/gpt2`,
dictionary_learning `resid_post_layer_7`, sparsify `h.7`. What two names cannot settle is None: a
folder of somebody's own may hold any model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

Norm: TypeAlias = Literal["layer", "rms"]
"""How a model normalises its residual stream: LayerNorm centres it, RMSNorm does not."""

# TransformerLens' own names (supported_models.py) where more than the organisation differs.
_ALIASES: Mapping[str, str] = {
    "gpt2-small": "gpt2",
    "gpt2-xs": "distilgpt2",
    "distillgpt2": "distilgpt2",
    "distill-gpt2": "distilgpt2",
    "distil-gpt2": "distilgpt2",
    "gpt-j": "gpt-j-6b",
    "gptj": "gpt-j-6b",
    "gpt-neo": "gpt-neo-125m",
    "gpt-neo-small": "gpt-neo-125m",
    "gpt-neo-medium": "gpt-neo-1.3b",
    "gpt-neo-large": "gpt-neo-2.7b",
    "gpt-neox": "gpt-neox-20b",
    "pythia": "pythia-70m",
    "mistral-7b": "mistral-7b-v0.1",
    "mistral-7b-instruct": "mistral-7b-instruct-v0.1",
    "qwen-1.8b": "qwen-1_8b",
    "llama-2-7b": "llama-2-7b-hf",
    "llama-2-13b": "llama-2-13b-hf",
    "llama-2-7b-chat": "llama-2-7b-chat-hf",
    "llama-2-13b-chat": "llama-2-13b-chat-hf",
    "gemma-3-1b": "gemma-3-1b-pt",
    "gemma-3-4b": "gemma-3-4b-pt",
    "gemma-3-12b": "gemma-3-12b-pt",
    "gemma-3-27b": "gemma-3-27b-pt",
}
_PYTHIA_SIZES = {
    "19m": "70m",
    "125m": "160m",
    "350m": "410m",
    "800m": "1b",
    "1.3b": "1.4b",
    "2.7b": "2.8b",
    "6.7b": "6.9b",
    "13b": "12b",
}
_LAYER_NORM = re.compile(
    r"(distil)?gpt2|gpt-neo|gpt-j|pythia|opt-|bloom|phi-(1|2)|gelu|solu|attn[-_]only|tiny-?stories"
    r"|stablelm-(base|tuned)-alpha|othello-gpt|olmo-(1|7)b|mgpt|santacoder|stanford-gpt2"
)
_RMS_NORM = re.compile(
    r"(med)?gemma|(tiny|code)?llama|meta-llama|qwen|qwq|mistral|mixtral|phi-(3|4)|smollm|olmo-(2|3)"
    r"|olmoe|gpt-oss|yi-|deepseek-r1-distill"
)
_PUBLISHERS = {
    "",
    "allenai",
    "bigscience",
    "eleutherai",
    "facebook",
    "google",
    "huggingfacetb",
    "meta-llama",
    "microsoft",
    "mistralai",
    "neelnanda",
    "openai-community",
    "qwen",
    "roneneldan",
}
_HASH = re.compile(r"[0-9a-f]{40}")
_QUANTISED = re.compile(r"([.-](q\d\w*|iq\d\w*|f16|bf16|f32))?\.gguf$")

_HOOK = re.compile(r"blocks\.(\d+)\.hook_(resid_pre|resid_mid|resid_post|attn_out|mlp_out)")
_LAYER = re.compile(r"(resid_pre|resid_mid|resid_post|attn_out|mlp_out)_layer_?(\d+)")
_SUBMODULE = re.compile(r"layer_(\d+)_(in|out)")
_MODULE = re.compile(
    r"(?:(?:model|transformer|gpt_neox|model\.decoder|model\.model)\.)?(?:layers|h)\.(\d+)"
    r"(?:\.(mlp|feed_forward|self_attn|attn|attention))?(?:\.(input|output))?"
)
_KINDS = {
    None: "resid_post",
    "mlp": "mlp_out",
    "feed_forward": "mlp_out",
    "self_attn": "attn_out",
    "attn": "attn_out",
    "attention": "attn_out",
}


@final
@dataclass(frozen=True)
class Model:
    """A language model by its parts."""

    base: str
    """Its name without organisation, in lower case."""
    organisation: str = ""
    """Who published it; empty where the name does not say."""
    revision: str = ""
    """Branch, tag or commit; empty where the name does not say."""

    @property
    def norm(self) -> Norm | None:
        """How it normalises; None where the name does not tell."""
        if _LAYER_NORM.match(self.base):
            return "layer"
        return "rms" if _RMS_NORM.match(self.base) else None

    @property
    def is_known(self) -> bool:
        """Whether the name says which model it is, and is not just that of somebody's folder."""
        return bool(self.organisation) or self.norm is not None


def read_model(name: str | None) -> Model | None:
    """The model that a name means; None where there is none, or it says nothing."""
    if not name or name == "unknown":
        return None
    name, _, weights = name.partition(", ")
    name, _, revision = name.strip().rstrip("/").partition("@")
    organisation, _, base = name.rpartition("/")
    base = _QUANTISED.sub("", base.lower())
    if not base or _HASH.fullmatch(base):
        return None
    suffix = f", {weights}" if weights else ""
    kept = organisation if re.fullmatch(r"[\w.-]+", organisation) else ""
    return Model(_base(base) + suffix, kept.lower(), "" if revision == "main" else revision)


def same_model(a: str | None, b: str | None) -> bool | None:
    """Whether two names mean one model; None where they do not tell."""
    left, right = read_model(a), read_model(b)
    if left is None or right is None:
        return None
    if left.base != right.base:
        return False if left.is_known == right.is_known else None
    if left.revision and right.revision and left.revision != right.revision:
        return False
    organisations = {left.organisation, right.organisation} - {""}
    return True if a == b or len(organisations) < 2 else None


def model_key(name: str | None) -> str | None:
    """What is equal for two names that surely mean one model: of those who published it."""
    model = read_model(name)
    if model is None or not model.norm:
        return name
    other = "" if model.organisation in _PUBLISHERS else f"{model.organisation}/"
    return f"{other}{model.base}@{model.revision}"


def place_key(name: str | None) -> str | None:
    """What is equal for two names of one place in a model."""
    return read_place(name) or name


def read_place(name: str | None) -> str | None:
    """A place in a model as TransformerLens names it; None where the name does not tell.

    The residual stream before layer N is that after layer N - 1.
    """
    if not name:
        return None
    if found := _HOOK.fullmatch(name):
        return _place(found[2], int(found[1]))
    if found := _LAYER.fullmatch(name):
        return _place(found[1], int(found[2]))
    if found := _SUBMODULE.fullmatch(name):
        return _place("resid_pre" if found[2] == "in" else "resid_post", int(found[1]))
    if found := _MODULE.fullmatch(name):
        kind, side = _KINDS[found[2]], found[3]
        if side == "input":
            return _place("resid_pre", int(found[1])) if kind == "resid_post" else None
        return _place(kind, int(found[1]))
    return name if re.fullmatch(r"blocks\.\d+\.[\w.]+|hook_(embed|pos_embed)", name) else None


def place_or_unknown(name: str) -> str:
    """The name where it is that of a place in a model, as a folder's may be; else `unknown`."""
    return name if read_place(name) else "unknown"


def same_place(a: str | None, b: str | None) -> bool | None:
    """Whether two names mean one place in a model; None where they do not tell."""
    if not a or not b or "unknown" in (a, b):
        return None
    left, right = read_place(a), read_place(b)
    if left is None and right is None:
        return a == b
    return None if left is None or right is None else left == right


def _base(name: str) -> str:
    if name.startswith("pythia-"):
        family, size, *rest = name.split("-")
        return "-".join([family, _PYTHIA_SIZES.get(size, size), *rest])
    name = re.sub(r"^meta-llama-3", "llama-3", name.replace("gemma-v3-", "gemma-3-"))
    name = re.sub(r"^tiny-stories-", "tinystories-", name)
    return _ALIASES.get(name, name)


def _place(kind: str, layer: int) -> str:
    if kind == "resid_pre" and layer > 0:
        return f"blocks.{layer - 1}.hook_resid_post"
    return f"blocks.{layer}.hook_{kind}"
