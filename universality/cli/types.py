"""What options take: paths in which `~` is the home folder, seeds, numbers of draws, devices.

Every option of every command that names a place has one of the path types here, so that a path
means the same wherever it is typed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import final

import click

_MOST_DRAWS = 100_000
_LARGEST_SEED = 2**63 - 1


class UserPath(click.ParamType):  # type: ignore[type-arg]
    """A path as a person types it: `~` and `~name` are home folders, also after a `=`."""

    name = "path"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path, with the home folder in it."""
        return Path(self._expanded(value, param, ctx))

    def _expanded(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = os.fspath(value)
        if not text:
            self.fail("the path is empty", param, ctx)
        if "\0" in text:
            self.fail("a path cannot hold a NUL character", param, ctx)
        expanded = os.path.expanduser(text) if text.startswith("~") else text  # noqa: PTH111
        if expanded.startswith("~") and not os.path.lexists(expanded):
            self.fail(
                f"{text}: there is no such home folder; for a folder whose name begins with ~, "
                f"write ./{text}",
                param,
                ctx,
            )
        return expanded


@final
class NewFolder(UserPath):
    """Where a result goes: a folder that is made, or replaced, as a whole."""

    name = "path"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path, which a new folder can have."""
        path = Path(self._expanded(value, param, ctx))
        if path.name in ("", ".."):
            self.fail(
                f"{path} is a folder that cannot be made or replaced as a whole; name a new one, "
                f"such as {path / 'result'}",
                param,
                ctx,
            )
        _check_writable_name(self, path, param, ctx)
        return path


@final
class WorkFolder(UserPath):
    """A folder that files are written into, one after the other; it may exist."""

    name = "path"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path, which a folder can have."""
        path = Path(self._expanded(value, param, ctx))
        _check_writable_name(self, path, param, ctx)
        return path


@final
class NewFile(UserPath):
    """Where a result goes that is one file."""

    name = "path"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path, which a new file can have."""
        path = Path(self._expanded(value, param, ctx))
        if path.name in ("", ".."):
            self.fail(f"{path} is a folder; name a file in it", param, ctx)
        _check_writable_name(self, path, param, ctx)
        return path


@final
class Address(UserPath):
    """What may be a path or something else, such as a hub id: `~` at its start is a home folder."""

    name = "address"

    def convert(  # type: ignore[override]
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """The address, with the home folder in it where it begins with one."""
        return self._expanded(value, param, ctx)


@final
class Device(click.ParamType):  # type: ignore[type-arg]
    """The name of a device, checked as far as can be without torch."""

    name = "device"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as given."""
        kind = value.partition(":")[0]
        if kind not in _DEVICES:
            self.fail(f"{value!r} is none of {', '.join(_DEVICES)}", param, ctx)
        return value


_DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")

SEED = click.IntRange(0, _LARGEST_SEED)
"""A seed of torch's and NumPy's generators alike."""
DRAWS = click.IntRange(2, _MOST_DRAWS)
"""Draws of a null: at least two, for a spread; no more than anyone could wait for."""


def _check_writable_name(
    kind: UserPath, path: Path, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    """Refuse what no file system could take, before any work is done."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # is made, or refused with its own reason, when it is written
    except OSError as error:
        shown = os.fspath(path) if len(os.fspath(path)) < 80 else f"{os.fspath(path)[:60]}..."
        kind.fail(f"{shown} cannot be a folder: {error.strerror}", param, ctx)
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        kind.fail(f"{path} is not UTF-8; choose a name that is", param, ctx)
