"""Bars that transformers draws whatever is asked of it, kept off the terminal."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

_DRAWING = "transformers.modeling_gguf_pytorch_utils"


@contextmanager
def no_foreign_bars() -> Iterator[None]:
    """While the block runs, nothing is drawn of the tensors of a GGUF file.

    `disable_progress_bar` of transformers reaches its other bars, and not this one.
    """
    module = importlib.import_module(_DRAWING)
    drawn = getattr(module, "tqdm", None)
    if drawn is None:  # another version, which draws it in another way
        yield
        return
    module.tqdm = partial(drawn, disable=True)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.tqdm = drawn  # type: ignore[attr-defined]
