"""Are the features that sparse autoencoders learn real, or accidents of one run?

The public names are imported on first use, so `import universality` is instant and does no work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from universality._version import __version__

if TYPE_CHECKING:
    from universality import figures as figures
    from universality.activations.formats.detection import open_activations
    from universality.comparison.comparison import compare
    from universality.dictionary import Dictionary
    from universality.encoding.streaming import encode
    from universality.errors import UniversalityError
    from universality.loading.runs import load
    from universality.matching.assignment import match
    from universality.matching.by_codes import match_codes
    from universality.matching.certificate import verify
    from universality.matching.result import Matching
    from universality.publishing import publish
    from universality.recurrence.study import stability
    from universality.results import Comparison, Stability, read_comparison, read_stability
    from universality.runs.policy import Policy
    from universality.saving import save

_PUBLIC = {
    "Comparison": "universality.results",
    "Dictionary": "universality.dictionary",
    "Matching": "universality.matching.result",
    "Policy": "universality.runs.policy",
    "Stability": "universality.results",
    "UniversalityError": "universality.errors",
    "compare": "universality.comparison.comparison",
    "encode": "universality.encoding.streaming",
    "load": "universality.loading.runs",
    "match": "universality.matching.assignment",
    "match_codes": "universality.matching.by_codes",
    "open_activations": "universality.activations.formats.detection",
    "publish": "universality.publishing",
    "read_comparison": "universality.results",
    "read_stability": "universality.results",
    "save": "universality.saving",
    "stability": "universality.recurrence.study",
    "verify": "universality.matching.certificate",
}

__all__ = [
    "Comparison",
    "Dictionary",
    "Matching",
    "Policy",
    "Stability",
    "UniversalityError",
    "__version__",
    "compare",
    "encode",
    "load",
    "match",
    "match_codes",
    "open_activations",
    "publish",
    "read_comparison",
    "read_stability",
    "save",
    "stability",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name == "figures":
        return importlib.import_module("universality.figures")
    raise AttributeError(f"module 'universality' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "figures"]
