"""The choices behind a comparison, fixed before anything is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final, get_args

from universality.activations.row_screen import ROW_RULES
from universality.dictionary import DirectionName
from universality.nulls.null import NULLS
from universality.runs.alive import ALIVE_RULES
from universality.runs.views import ACTIVATIONS, ALIGNMENTS
from universality.similarity.measures import MEASURES, Measure
from universality.validation import (
    FLAG,
    TEXT,
    Constraint,
    Is,
    Number,
    OneOf,
    Several,
    as_tuple,
    check,
    either,
    plain,
)

VIEWS = (*get_args(DirectionName), ACTIVATIONS)
"""The views that runs can be compared in."""

POLICY_TAKES: Mapping[str, Constraint] = {
    "views": either(Several(OneOf(VIEWS)), None),
    "threshold": Number(0, 1),
    "nulls": Several(OneOf(tuple(NULLS))),
    "n_draws": Number(2, whole=True),
    "alive": OneOf(ALIVE_RULES),
    "min_firing": Number(1, whole=True),
    "rows": OneOf(ROW_RULES),
    "held_out": FLAG,
    "measure": OneOf(MEASURES),
    "absolute": FLAG,
    "align": OneOf(ALIGNMENTS),
    "seed": Number(0, whole=True),
    "device": TEXT,
    "matrix": FLAG,
    "time_limit": either(Number(0, above=True), None),
}
"""What each field of a policy may be."""

OPTIONS = {"views": "--view", "nulls": "--null", "n_draws": "--draws"} | {
    name: f"--{name.replace('_', '-')}"
    for name in POLICY_TAKES
    if name not in ("views", "nulls", "n_draws")
}
"""How the command line spells each field."""


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
    rows: str = "screened"
    """Which rows of a cache are compared: `all`, or without those that would hide the others."""
    held_out: bool = True
    """Whether pairs of activations are also judged on documents they were not found on."""
    measure: Measure = "pearson"
    """What "fire together" means in the activations view."""
    absolute: bool = False
    """Whether a latent and its sign-flipped twin count as the same direction."""
    align: str = "none"
    """Directions of runs of different language models: `none` leaves them out, `shared` takes the
    models to have one space, `rotation` and `affine` compare them through a map from b to a that is
    fitted to what both models do on half of the common tokens (two runs, with activations)."""
    seed: int = 0
    """Seed of the null draws."""
    device: str = "auto"
    """Where products are computed: `auto`, `cpu`, `cuda`, ..."""
    matrix: bool = False
    """Whether the whole matrix of similarities is kept, for runs whose matrix fits."""
    time_limit: float | None = None
    """Seconds after which the assignment of a view is taken as it stands, with its true gap."""

    def __post_init__(self) -> None:
        check("Policy", vars(self), POLICY_TAKES, options=OPTIONS)
        for name, value in vars(self).items():
            several = name in ("views", "nulls") and value is not None
            object.__setattr__(self, name, as_tuple(value) if several else plain(value))

    def draws_of(self, null: str) -> int:
        """How often a null is drawn; at least twice, so that it has a spread."""
        first = null in (self.nulls[0], "fitted")
        return self.n_draws if first else max(2, self.n_draws // 2)


POLICY = either(Is((Policy,), "a Policy"), None)
"""What public functions take for a policy."""
