"""Errors for the person at the terminal: what must hold, what was found, where, and what to do.

Every error that a user can cause is a `UniversalityError`; each child also inherits the built-in
exception that Python users would catch. The command line prints `error: ...` for them and exits
with code 2; any other exception is a bug and keeps its traceback.
"""


class UniversalityError(Exception):
    """Something the user can change stands in the way."""


class InvalidInputError(UniversalityError, ValueError):
    """An array, a number or an option does not fit: wrong shape, type, range or combination."""


class MissingFileError(UniversalityError, FileNotFoundError):
    """A path, or a file that must lie inside it, does not exist."""


class FormatError(UniversalityError, ValueError):
    """A checkpoint, cache or result was found but cannot be read as what it claims to be."""


class UnsafeFileError(FormatError):
    """A pickle wants classes that are not plain tensors; it was refused and nothing in it ran."""


class UnsupportedError(UniversalityError, NotImplementedError):
    """The operation has no exact meaning for this dictionary (its message says why)."""


class MissingDependencyError(UniversalityError, ImportError):
    """An optional dependency is needed; the message names the extra that installs it."""


class OutputError(UniversalityError, OSError):
    """A result cannot be written where it was asked for."""
