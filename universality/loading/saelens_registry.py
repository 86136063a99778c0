"""SAELens' own list of releases, read from the installed package without importing it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, final

from universality.errors import FormatError, MissingDependencyError, MissingFileError
from universality.loading.hub import HubAddress

_CENTRED: Mapping[str, Any] = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}
# What SAELens' list (October 2025) states of whole repositories whose own files say otherwise.
_CORRECTED: Mapping[str, Mapping[str, Any]] = {
    "jbloom/GPT2-Small-SAEs-Reformatted": _CENTRED,
    "jbloom/GPT2-Small-Feature-Splitting-Experiment-Layer-8": _CENTRED,
    "tommmcgrath/gpt2-small-mlp-out-saes": _CENTRED,
    "JoshEngels/Mistral-7B-Residual-Stream-SAEs": {
        "normalize_activations": "constant_norm_rescale"
    },
}


@final
@dataclass(frozen=True, eq=False)
class Release:
    """One dictionary that SAELens knows by `release:sae_id`."""

    address: HubAddress
    """Where it lies on the hub."""
    norm_scaling_factor: float | None = None
    """Factor on its tokens, for those that were saved before it was folded."""
    config_overrides: Mapping[str, Any] = field(default_factory=dict)
    """What the list states instead of the checkpoint's own configuration."""


def find_release(release: str, sae_id: str) -> Release:
    """The dictionary that SAELens calls `release:sae_id`.

    A release with a slash that is not in the list is a repository, and sae_id a folder in it.

    Raises:
        MissingDependencyError: sae-lens or PyYAML is not installed.
        MissingFileError: no such release, or none of its dictionaries has this id (near ones
            are named).
    """
    if "/" in release and "://" not in release and release not in _registry_or_empty():
        return Release(HubAddress(release, None, sae_id), None, corrections_of(release))
    releases = _registry()
    if release not in releases:
        raise MissingFileError(
            f"SAELens knows no release {release!r}; near ones: {_near(release, list(releases))}"
        )
    entries = {entry["id"]: entry for entry in releases[release]["saes"]}
    if sae_id not in entries:
        raise MissingFileError(
            f"release {release!r} has no {sae_id!r}; near ones: {_near(sae_id, list(entries))}"
        )
    entry = entries[sae_id]
    factor = entry.get("norm_scaling_factor")
    return Release(
        HubAddress(releases[release]["repo_id"], None, entry["path"].strip("/")),
        None if factor is None else float(factor),
        {**(releases[release].get("config_overrides") or {})},
    )


def corrections_of(repo: str) -> Mapping[str, Any]:
    """What SAELens' list states instead of the configurations in a repository; mostly nothing.

    So that the address `hf://` of a dictionary reads as its `release:sae_id` does, with SAELens
    installed or not.
    """
    return _CORRECTED.get(repo, {})


def release_names() -> list[str]:
    """The releases SAELens knows; empty where it is not installed."""
    return sorted(_registry_or_empty())


def _registry_or_empty() -> dict[str, Any]:
    try:
        return _registry()
    except MissingDependencyError:
        return {}


@cache
def _registry() -> dict[str, Any]:
    path = _registry_file()
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError(
            "SAELens' list of releases needs PyYAML: pip install 'universality[saelens]'"
        ) from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        releases = yaml.load(path.read_bytes(), Loader=loader)
    except (yaml.YAMLError, OSError) as error:
        raise FormatError(f"{path} cannot be read ({str(error)[:120]})") from error
    return dict(releases)


def _registry_file() -> Path:
    spec = importlib.util.find_spec("sae_lens")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "pretrained_saes.yaml"
        if path.is_file():
            return path
    raise MissingDependencyError(
        "an address release:sae_id is looked up in SAELens' list, which comes with it: "
        "pip install sae-lens, or write hf://org/repo/folder"
    )


def _near(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=4, cutoff=0.4) or sorted(known)[:4]
    return ", ".join(near)
