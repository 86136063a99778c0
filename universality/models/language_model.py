"""A causal language model with its tokenizer, from a folder, a GGUF file or the hub."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch

from universality.errors import FormatError, MissingDependencyError, MissingFileError
from universality.models.quiet_bars import no_foreign_bars

_NO_CODE = {"trust_remote_code": False}
"""Of every call that reads a model folder: code in it is never run, and nobody is asked."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")


@final
@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model ready to run: evaluation mode, on one device, in one dtype."""

    module: torch.nn.Module
    """The transformers model."""
    tokenizer: Any
    """Its transformers tokenizer."""
    name: str
    """Hub id, or the name of the local folder or file, without its path."""
    blocks: str | None = None
    """Where in the module the list of its layers is; None: where `find_blocks` finds it."""

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        return next(self.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights."""
        return next(self.module.parameters()).dtype

    @property
    def n_embeddings(self) -> int:
        """Token ids it can read are below this."""
        embeddings: Any = self.module.get_input_embeddings()  # type: ignore[operator]
        return int(embeddings.weight.shape[0])

    @property
    def longest_context(self) -> int | None:
        """Tokens it can read at once; None where its config sets no limit."""
        config: Any = self.module.config
        limit = getattr(config.get_text_config(), "max_position_embeddings", None)
        return None if limit is None else int(limit)


def load_language_model(
    spec: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    random_weights: int | None = None,
    blocks: str | None = None,
) -> LanguageModel:
    """The model and its tokenizer.

    `spec` is an existing folder in Hugging Face layout, an existing `.gguf` file (dequantised), or
    a hub id `org/name[@revision]`. Only a hub id uses the network.

    With `random_weights`, a seed, the model has the weights of before any training, drawn as
    transformers draws them; its name says so. What two dictionaries have in common on such a model
    they owe to the texts and the architecture alone. `blocks` says where in it the list of its
    layers is, for models in which that is not clear.

    Raises:
        MissingFileError: the path does not exist and is no hub id.
        FormatError: transformers cannot read what is there, or only by running code that comes
            with it, which is never done; its own message is passed on.
        MissingDependencyError: the `models` extra is not installed.
    """
    source, options, name = _locate(str(spec))
    transformers = _transformers()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options, **_NO_CODE)
        if random_weights is None:
            with no_foreign_bars():
                module = transformers.AutoModelForCausalLM.from_pretrained(
                    source, dtype=dtype, **options, **_NO_CODE, **_unpacked(transformers, options)
                )
        else:
            module = _untrained(transformers, source, options, seed=random_weights)
            name = f"{name}, random weights of seed {random_weights}"
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(f"{spec}: {_reason(error)}") from error
    module.requires_grad_(False)
    return LanguageModel(module.eval().to(device=device, dtype=dtype), tokenizer, name, blocks)


def tokenizer_hash(tokenizer: Any) -> str:
    """Sha256 of the vocabulary: equal hashes mean that token ids mean the same strings."""
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()
    return hashlib.sha256(vocabulary).hexdigest()


def _locate(spec: str) -> tuple[str, dict[str, Any], str]:
    path = Path(spec)
    if path.is_file() and path.suffix == ".gguf":
        return str(path.parent), {"gguf_file": path.name, "local_files_only": True}, path.name
    if (path / "config.json").is_file():
        return str(path), {"local_files_only": True}, path.resolve().name
    if path.exists():
        ggufs = sorted(file.name for file in path.glob("*.gguf")) if path.is_dir() else []
        hint = f"; did you mean {path / ggufs[0]}?" if ggufs else ""
        raise MissingFileError(f"{spec}: expected a folder with config.json or a .gguf file{hint}")
    if _HUB_ID.fullmatch(spec):
        repository, _, revision = spec.partition("@")
        return repository, {"revision": revision} if revision else {}, spec
    raise MissingFileError(f"{spec}: no such folder or file, and no hub id like org/name")


def _reason(error: Exception) -> str:
    words = " ".join(str(error).split())
    if "trust_remote_code" in words:
        return (
            "this model can be read only by running code that comes with it, which is never done; "
            "give one whose architecture transformers itself has, or a cache collected elsewhere"
        )
    return f"transformers cannot load it as a causal model: {words}"


def _untrained(
    transformers: Any, source: str, options: dict[str, Any], *, seed: int
) -> torch.nn.Module:
    config = transformers.AutoConfig.from_pretrained(source, **options, **_NO_CODE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: torch.nn.Module = transformers.AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, **_NO_CODE
        )
    return module


def _unpacked(transformers: Any, options: dict[str, Any]) -> dict[str, Any]:
    # transformers may keep 4-bit blocks packed, which makes long prompts several times slower.
    if "gguf_file" not in options or not hasattr(transformers, "GgufConfig"):
        return {}
    return {"quantization_config": transformers.GgufConfig(dequantize=True)}


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingDependencyError(
            "reading a language model needs transformers: pip install 'universality[models]'"
        ) from error
    module: Any = transformers
    module.utils.logging.disable_progress_bar()
    return module
