"""The one place that turns what a damaged file makes a library raise into one clear error."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from universality.errors import FormatError, UniversalityError

# What safetensors, torch, NumPy and the standard library were seen to raise on mutated files.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SafetensorError,
    SyntaxError,
    TypeError,
    ValueError,
    pickle.PickleError,
    struct.error,
    zipfile.BadZipFile,
)


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Whatever reading a damaged file raises becomes a `FormatError` that names the file.

    Raises:
        FormatError: the file is truncated, damaged or unreadable.
    """
    try:
        yield
    except UniversalityError:
        raise
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FormatError(
            f"{path} cannot be read, it is damaged or incomplete ({reason}); "
            "copy or download it again"
        ) from error
