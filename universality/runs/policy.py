"""The choices behind a comparison, fixed before anything is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from universality.alive import ALIVE_RULES
from universality.errors import InvalidInputError
from universality.nulls.null import NULLS, find_null
from universality.similarity.measures import Measure


@final
@dataclass(frozen=True)
class Policy:
    """What was decided before the comparison, and is printed with its result."""

    views: tuple[str, ...] | None = None
    """Views to compare; None means every view that both runs have."""
    threshold: float = 0.7
    """Similarity from which two latents count as the same in headline numbers."""
    nulls: tuple[str, ...] = ("geometry", "isotropic", "untrained")
    """Names of the nulls to draw; the first stands behind every null_mean and null fraction."""
    n_draws: int = 4
    """Draws of the first null; the others, shown beside it, are drawn half as often."""
    alive: str = "auto"
    """Which latents take part."""
    min_firing: int = 10
    """Tokens a latent must fire on to be alive by firing, the rule where activations are given."""
    held_out: bool = True
    """Whether pairs of activations are also judged on documents they were not found on."""
    measure: Measure = "pearson"
    """What "fire together" means in the activations view."""
    absolute: bool = False
    """Whether a latent and its sign-flipped twin count as the same direction."""
    seed: int = 0
    """Seed of the null draws."""
    device: str = "auto"
    """Where products are computed: `auto`, `cpu`, `cuda`, ..."""
    matrix: bool = False
    """Whether the whole matrix of similarities is kept, for runs whose matrix fits."""
    time_limit: float | None = None
    """Seconds after which the assignment of a view is taken as it stands, with its true gap."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise InvalidInputError(f"--threshold must lie in [0, 1], got {self.threshold}")
        if not self.nulls:
            raise InvalidInputError(f"--null needs at least one of {', '.join(NULLS)}")
        for name in self.nulls:
            find_null(name)
        if self.alive not in ALIVE_RULES:
            raise InvalidInputError(
                f"--alive must be one of {', '.join(ALIVE_RULES)}, got {self.alive!r}"
            )
        if self.min_firing < 1:
            raise InvalidInputError(f"--min-firing must be at least 1, got {self.min_firing}")
        if self.n_draws < 2:
            raise InvalidInputError(f"a null needs at least two draws, got {self.n_draws}")

    def draws_of(self, null: str) -> int:
        """How often a null is drawn; at least twice, so that it has a spread."""
        return self.n_draws if null == self.nulls[0] else max(2, self.n_draws // 2)
