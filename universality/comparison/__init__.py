"""Two runs compared: the place where loading, matching, nulls and checks meet."""

from universality.comparison.comparison import compare
from universality.runs.policy import Policy

__all__ = ["Policy", "compare"]
