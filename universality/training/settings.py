"""What decides a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

from universality.errors import InvalidInputError
from universality.training.architectures.interface import Architecture
from universality.training.architectures.topk import TopKRecipe
from universality.training.resampling import METHODS
from universality.validation import Constraint, Is, Number, OneOf, check, plain

STARTS = ("seed_and_width", "seed")
"""What the start is drawn from: `seed` is the rule of the first shipped runs, where a narrow run
starts from the first rows of a wide one."""
BIAS_STARTS = ("mean", "geometric_median")
"""Where b_dec starts."""

_COUNT, _SEED = Number(1, whole=True), Number(0, whole=True)

SETTINGS_TAKE: Mapping[str, Constraint] = {
    "d_sae": _COUNT,
    "architecture": Is((Architecture,), "a recipe, such as TopKRecipe(k=32)"),
    "init_seed": _SEED,
    "order_seed": _SEED,
    "n_tokens": _COUNT,
    "batch_size": _COUNT,
    "learning_rate": Number(0, above=True),
    "clip_norm": Number(0),
    "bias_start": OneOf(BIAS_STARTS),
    "dead_window": Number(0, 1, above=True),
    "dead_weight": Number(0),
    "held_out": Number(0, 0.5),
    "resampling": OneOf(METHODS),
    "resample_every": Number(0, 1, above=True),
    "dtype": OneOf(("auto", "float32", "bfloat16")),
    "decoder": OneOf(("gather", "dense")),
    "start": OneOf(STARTS),
    "checkpoints": Number(0, whole=True),
}
"""What each field of the settings may be."""

_OPTIONS = {name: f"--{name.replace('_', '-')}" for name in SETTINGS_TAKE} | {
    "d_sae": "--width",
    "init_seed": "--seeds",
    "order_seed": "--order-seeds",
    "n_tokens": "--tokens",
    "learning_rate": "--lr",
}


@final
@dataclass(frozen=True)
class TrainingSettings:
    """Everything that, with the cache, decides the weights of one run."""

    d_sae: int
    """Number of latents."""
    architecture: Architecture = field(default_factory=TopKRecipe)
    """The rule that is trained, with its sparsity."""
    init_seed: int = 0
    """Seed of the initial weights, drawn from it and the width."""
    order_seed: int = 0
    """Seed of the order in which tokens are shown."""
    n_tokens: int = 10_000_000
    """Token presentations; the cache is shown as often as that takes."""
    batch_size: int = 2048
    """Tokens per step (dictionary_learning's; SAELens has 4,096)."""
    learning_rate: float = 2e-3
    """Peak of Adam's learning rate: a rise over the first 2 %, then to zero as a cosine^1.5. The
    shipped runs' own; wide and long ones want less (2e-4 / sqrt(d_sae / 2^14): Gao et al. 2024)."""
    clip_norm: float = 1.0
    """Gradients longer than this are scaled down to it (1.0 in SAELens and dictionary_learning);
    0 switches it off."""
    bias_start: str = "mean"
    """b_dec begins at the `mean` of the tokens or at their `geometric_median` (Bricken et al.
    2023)."""
    dead_window: float = 0.03
    """A latent silent for this fraction of the run is dead; the auxiliary loss pulls it back. A
    fraction, for the 10 million tokens of Gao et al. 2024 never pass in a short run."""
    dead_weight: float = 1 / 32
    """Weight of the auxiliary loss (Gao et al. 2024)."""
    held_out: float = 0.02
    """Fraction of the tokens kept out of training, as whole documents, to judge the run by."""
    resampling: str = "none"
    """`none`, `simple` or `advanced`: give dead latents a new start, instead of the auxiliary loss,
    which is then off."""
    resample_every: float = 0.125
    """Fraction of the run between two resamplings (ARENA: 2,500 of 20,000 steps). There is none at
    the end, for what it revives would stay untrained."""
    dtype: str = "auto"
    """Number format of the large products: auto (bfloat16 where in hardware), float32, bfloat16."""
    decoder: str = "gather"
    """`gather`: decode active rows only, where codes are sparse; `dense`: all of them."""
    start: str = "seed_and_width"
    """What the initial weights are drawn from."""
    checkpoints: int = 0
    """Dictionaries saved on the way, evenly spaced; the last of them is the end of the run."""

    def __post_init__(self) -> None:
        check("TrainingSettings", vars(self), SETTINGS_TAKE, options=_OPTIONS)
        for name, value in vars(self).items():
            object.__setattr__(self, name, plain(value))
        self.architecture.check(self.d_sae)
        if self.checkpoints > self.n_steps:
            raise InvalidInputError(
                f"--checkpoints must lie between 0 and the {self.n_steps} steps of the run, "
                f"got {self.checkpoints}"
            )

        if self.resampling != "none" and self.architecture.frozen:
            raise InvalidInputError(
                f"--resampling points encoder and decoder the same way, which is not for "
                f"{self.architecture.name}; leave it at none"
            )

    @property
    def n_steps(self) -> int:
        """Optimizer steps; the last may show a few tokens more than `n_tokens`."""
        return -(-self.n_tokens // self.batch_size)

    @property
    def name(self) -> str:
        """Folder of the run: width and seeds."""
        order = "" if self.order_seed == self.init_seed else f"-order{self.order_seed}"
        return f"w{self.d_sae}-s{self.init_seed}{order}"

    def as_record(self) -> dict[str, Any]:
        """Every field by name, those of the architecture among them, for JSON."""
        content: dict[str, Any] = asdict(self)
        options: dict[str, Any] = content.pop("architecture")
        return content | {"architecture": self.architecture.name} | options
