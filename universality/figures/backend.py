"""matplotlib started, and our settings alone in force, whatever a matplotlibrc of the user says."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from universality.errors import FormatError
from universality.validation import Is, takes

try:
    import matplotlib as mpl
except UnicodeDecodeError as error:  # of a matplotlibrc, which importing reads
    raise FormatError(
        "matplotlib cannot start: a matplotlibrc, in this folder or in its configuration folder, "
        f"is not UTF-8 ({error.reason} at byte {error.start}); mend or remove it"
    ) from error


@takes(settings=Is((Mapping,), "a mapping of settings of matplotlib"))
@contextmanager
def only_settings(settings: Mapping[Any, Any]) -> Iterator[None]:
    """These settings over matplotlib's defaults, and nothing else, until the block ends.

    A `text.usetex` in a matplotlibrc would need LaTeX; other lines would change every figure.
    Characters that the font lacks are drawn as boxes, without a word on it.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        yield
