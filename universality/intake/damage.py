"""The one place that turns what a damaged file makes a library raise into one clear error."""

from __future__ import annotations

import csv
import errno
import lzma
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from universality.errors import FormatError, UniversalityError

# What safetensors, torch, NumPy, pandas, pyarrow and the standard library were seen to raise on
# mutated files.
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
    csv.Error,
    lzma.LZMAError,
    pickle.PickleError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_LIBRARIES = ("pyarrow", "jinja2")
"""Libraries whose own errors are damage too; not imported here, for they are slow to import."""
_AGAIN = "copy or download it again"


@contextmanager
def damage_named(path: Path, *, advice: str = _AGAIN) -> Iterator[None]:
    """Whatever reading a damaged file raises becomes a `FormatError` that names the file.

    For blocks that read one file, or one folder, and do nothing else: a mistake of ours in them
    would be called damage too.

    Raises:
        FormatError: the file is truncated, damaged or unreadable.
    """
    try:
        yield
    except UniversalityError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # what is written in the block, not what is read
        library = type(error).__module__.partition(".")[0]
        if not isinstance(error, _DAMAGE) and library not in _LIBRARIES:
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FormatError(
            f"{path} cannot be read, it is damaged or incomplete ({reason}); {advice}"
        ) from error
