"""Checkpoints on the Hugging Face hub, through huggingface_hub and its own cache.

The library's settings hold: `HF_HOME`, `HF_HUB_OFFLINE`, `HF_ENDPOINT`, the stored token. Only the
files of the one checkpoint that is asked for are fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, final
from urllib.parse import unquote

from universality.errors import FormatError, MissingDependencyError, MissingFileError
from universality.loading.detection import INNER_WEIGHTS, may_be_weights
from universality.loading.sharded_weights import is_sharded, whole_name, whole_names

SCHEME = "hf://"

_CONFIG_SUFFIXES = (".json", ".yaml", ".yml")
_BESIDE_WEIGHTS = ("sparsity.safetensors", "activation_whitening.safetensors")


@final
@dataclass(frozen=True, eq=False)
class HubAddress:
    """A place in a repository on the hub."""

    repo: str
    """`organisation/name`."""
    revision: str | None = None
    """Branch, tag or commit; None means the repository's default."""
    path: str = ""
    """File or folder in the repository; empty for its root."""

    def __str__(self) -> str:
        """The address as users write it."""
        revision = f"@{self.revision}" if self.revision else ""
        return f"{SCHEME}{self.repo}{revision}" + (f"/{self.path}" if self.path else "")


def parse(spec: str) -> HubAddress:
    """The address that `hf://org/repo[@revision][/folder]` names.

    Raises:
        FormatError: it is no such address.
    """
    found = re.fullmatch(r"hf://([\w.-]+/[\w.-]+?)(?:@([^/@\s]+))?(?:/([^\s]*?))?/?", spec)
    path = found[3] or "" if found else ""
    if found is None or ".." in PurePosixPath(path).parts:
        raise FormatError(f"{spec} is no hub address; write hf://org/repo[@revision][/folder]")
    return HubAddress(found[1], found[2], path.strip("/"))


def from_browser(spec: str) -> str | None:
    """The hub address of a page that a browser shows of a model repository; None for others.

    Raises:
        FormatError: a page of the hub that is none of a model repository's files.
    """
    page = re.fullmatch(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(.*)", spec)
    if page is None:
        return None
    shown = page[1].split("?")[0].strip("/")
    files = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:/(?:tree|blob|resolve)/([^/]+)(?:/(.*))?)?", shown)
    if files is None or shown.startswith(("datasets/", "spaces/", "docs/", "papers/")):
        raise FormatError(
            f"{spec} is no page of a model repository's files; write "
            f"{SCHEME}org/repo[@revision][/folder]"
        )
    return str(HubAddress(files[1], files[2], unquote(files[3] or "")))


def looks_like_repository(spec: str) -> bool:
    """Whether this may be a repository's id, as people write it: `org/name`, perhaps more below."""
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(@[^/@\s]+)?(/[^\s]*)?", spec) is not None


def fetch(address: HubAddress) -> Path:
    """The checkpoint's file or folder in huggingface_hub's cache, fetched first where needed.

    Offline, or with the hub out of reach, what the cache holds is used.

    Raises:
        MissingDependencyError: huggingface_hub is not installed.
        MissingFileError: no such repository, revision or path, here or there.
        FormatError: the folder holds several checkpoints, or only folders of them.
    """
    names = _listing(address)
    snapshot = _snapshot(address, None if names is None else _wanted(address, names))
    place = snapshot / address.path
    if not (place.exists() or is_sharded(place)):
        raise MissingFileError(
            f"{address} is not in the cache at {snapshot}; fetch it while online with "
            f"`universality pretrained fetch {address}`"
        )
    return place


def checkpoints(address: HubAddress) -> list[HubAddress]:
    """Every checkpoint at or below an address: folders with one weight file, or the files.

    Raises:
        MissingFileError: no such repository, revision or path.
    """
    names = _listing(address)
    if names is None:
        snapshot = _snapshot(address, None)
        names = [f.relative_to(snapshot).as_posix() for f in snapshot.rglob("*") if f.is_file()]
    folders: dict[str, list[str]] = {}
    for name in names:
        if _below(name, address.path) and may_be_weights(PurePosixPath(name).name):
            folders.setdefault(_home(name), []).append(name)
    folders = {home: whole_names(files) for home, files in folders.items()}
    alone = [home for home, files in folders.items() if len(files) == 1 and home]
    many = [name for files in folders.values() if len(files) > 1 for name in files]
    many += [
        name for home, files in folders.items() if not home and len(files) == 1 for name in files
    ]
    return [HubAddress(address.repo, address.revision, path) for path in sorted(alone + many)]


def _listing(address: HubAddress) -> list[str] | None:
    """The repository's files; None when the hub is out of reach."""
    hub = _library()
    try:
        files: list[str] = hub.HfApi().list_repo_files(address.repo, revision=address.revision)
    except (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError) as error:
        raise MissingFileError(f"{address}: {_reason(error)}") from error
    except (OSError, hub.errors.HfHubHTTPError, hub.errors.OfflineModeIsEnabled):
        return None
    return files


def _wanted(address: HubAddress, names: list[str]) -> list[str]:
    """The files of the one checkpoint: its weights, what is read beside them, configurations."""
    named = [name for name in names if whole_name(name) == whole_name(address.path)]
    if named:
        weights = named
        home = str(PurePosixPath(address.path).parent).removeprefix(".")
    else:
        home = address.path
        weights = [n for n in names if _home(n) == home and may_be_weights(PurePosixPath(n).name)]
        _check_one(address, names, weights)
    above = {home, *(str(p).removeprefix(".") for p in PurePosixPath(home or ".").parents)}
    folders = above | {str(PurePosixPath(weights[0]).parent).removeprefix(".")}
    beside = [n for n in names if _folder(n) in folders and _is_config(n)]
    extra = [n for n in names if _folder(n) == home and PurePosixPath(n).name in _BESIDE_WEIGHTS]
    return [*weights, *beside, *extra]


def _check_one(address: HubAddress, names: list[str], weights: list[str]) -> None:
    apart = whole_names(weights)
    if len(apart) == 1:
        return
    if weights:
        raise FormatError(
            f"{address} holds {len(apart)} checkpoints: {_shown(apart)}; name one of them"
        )
    below = sorted({_home(n) for n in names if _below(n, address.path) and may_be_weights(n)})
    if below:
        raise FormatError(
            f"{address} holds no weights itself, but {len(below)} folders below it do: "
            f"{_shown(below)}; name one of them"
        )
    raise MissingFileError(f"{address}: no such file, and no folder with weights")


def _snapshot(address: HubAddress, wanted: list[str] | None) -> Path:
    hub = _library()
    with _hub_errors_named(address, hub):
        try:
            return Path(
                hub.snapshot_download(
                    address.repo,
                    revision=address.revision,
                    allow_patterns=None if wanted is None else [_literal(name) for name in wanted],
                    local_files_only=wanted is None,
                )
            )
        except hub.errors.IncompleteSnapshotError as error:
            return Path(error.snapshot_path)


@contextmanager
def _hub_errors_named(address: HubAddress, hub: Any) -> Iterator[None]:
    try:
        yield
    except hub.errors.LocalEntryNotFoundError as error:
        raise MissingFileError(
            f"{address} is not in the cache and the hub is out of reach (HF_HUB_OFFLINE, or no "
            f"connection); fetch it while online with `universality pretrained fetch {address}`"
        ) from error
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as error:
        raise MissingFileError(f"{address}: {_reason(error)}") from error


def _library() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise MissingDependencyError(
            "hub addresses need huggingface_hub: pip install 'universality[hub]'"
        ) from error
    return huggingface_hub


def _home(name: str) -> str:
    """The folder a weight file belongs to: its own, or the one above an inner folder."""
    for inner in INNER_WEIGHTS:
        if name.endswith(f"/{inner}"):
            return name.removesuffix(f"/{inner}")
    return _folder(name)


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent).removeprefix(".")


def _below(name: str, path: str) -> bool:
    return not path or name == path or name.startswith(f"{path}/")


def _is_config(name: str) -> bool:
    return PurePosixPath(name).suffix in _CONFIG_SUFFIXES


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _shown(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300] or type(error).__name__
