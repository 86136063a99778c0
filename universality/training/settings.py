"""What decides a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, final

from universality.errors import InvalidInputError
from universality.training.architectures.interface import Architecture
from universality.training.architectures.topk import TopKRecipe

STARTS = ("seed_and_width", "seed")
"""What the start is drawn from: `seed` is the rule of the first shipped runs, where a narrow run
starts from the first rows of a wide one."""
BIAS_STARTS = ("mean", "geometric_median")
"""Where b_dec starts."""


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
    dtype: str = "auto"
    """Number format of the large products: auto (bfloat16 where in hardware), float32, bfloat16."""
    decoder: str = "gather"
    """`gather`: decode active rows only, where codes are sparse; `dense`: all of them."""
    start: str = "seed_and_width"
    """What the initial weights are drawn from."""
    checkpoints: int = 0
    """Dictionaries saved on the way, evenly spaced; the last of them is the end of the run."""

    def __post_init__(self) -> None:
        for name in ("d_sae", "n_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise InvalidInputError(
                    f"{_flag(name)} must be at least 1, got {getattr(self, name)}"
                )
        for name, least in (("init_seed", "--seeds"), ("order_seed", "--order-seeds")):
            if getattr(self, name) < 0:
                raise InvalidInputError(f"{least} must not be negative, got {getattr(self, name)}")
        self.architecture.check(self.d_sae)
        self._check_numbers()
        self._check_words()

    def _check_numbers(self) -> None:
        if not 0 < self.dead_window <= 1:
            raise InvalidInputError(f"--dead-window must lie in (0, 1], got {self.dead_window}")
        if not 0 < self.learning_rate < float("inf"):
            raise InvalidInputError(f"--lr must be positive, got {self.learning_rate}")
        for name in ("clip_norm", "dead_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InvalidInputError(
                    f"{_flag(name)} must not be negative, got {getattr(self, name)}"
                )
        if not 0 <= self.held_out <= 0.5:
            raise InvalidInputError(f"--held-out must lie in [0, 0.5], got {self.held_out}")
        if not 0 <= self.checkpoints <= self.n_steps:
            raise InvalidInputError(
                f"--checkpoints must lie between 0 and the {self.n_steps} steps of the run, "
                f"got {self.checkpoints}"
            )

    def _check_words(self) -> None:
        words = (
            ("dtype", ("auto", "float32", "bfloat16")),
            ("decoder", ("gather", "dense")),
            ("start", STARTS),
            ("bias_start", BIAS_STARTS),
        )
        for name, allowed in words:
            if getattr(self, name) not in allowed:
                raise InvalidInputError(
                    f"{_flag(name)} must be {' or '.join(allowed)}, got {getattr(self, name)!r}"
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


def _flag(name: str) -> str:
    return {"n_tokens": "--tokens", "d_sae": "--width"}.get(name, "--" + name.replace("_", "-"))
