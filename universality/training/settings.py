"""What decides a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from universality.errors import InvalidInputError


@final
@dataclass(frozen=True)
class TrainingSettings:
    """Everything that, with the cache, decides the weights of one run."""

    d_sae: int
    """Number of latents."""
    init_seed: int = 0
    """Seed of the initial weights."""
    order_seed: int = 0
    """Seed of the order in which tokens are shown."""
    architecture: str = "topk"
    """`topk` (Gao et al. 2024), or `relu` with an L1 penalty (Bricken et al. 2023)."""
    k: int = 32
    """Latents per token, for TopK."""
    l1: float = 5.0
    """Weight of the L1 penalty beside the squared error, for ReLU; tokens have norm sqrt(d_in)."""
    n_tokens: int = 10_000_000
    """Token presentations; the cache is shown as often as that takes."""
    batch_size: int = 2048
    """Tokens per step."""
    learning_rate: float = 2e-3
    """Peak of Adam's learning rate: a rise over the first 2 %, then to zero as a cosine^1.5."""
    dead_window: float = 0.03
    """A latent silent for this fraction of the run is dead; the auxiliary loss pulls it back."""
    dead_weight: float = 1 / 32
    """Weight of the auxiliary loss."""
    dtype: str = "auto"
    """Number format of the large products: auto (bfloat16 where in hardware), float32, bfloat16."""
    decoder: Literal["gather", "dense"] = "gather"
    """For TopK: decode the k active rows only, or all of them."""
    checkpoints: int = 0
    """Dictionaries saved on the way, evenly spaced; the last of them is the end of the run."""

    def __post_init__(self) -> None:
        if self.architecture not in ("topk", "relu"):
            raise InvalidInputError(
                f"--architecture must be topk or relu, got {self.architecture!r}"
            )
        for name in ("d_sae", "k", "n_tokens", "batch_size"):
            if getattr(self, name) < 1:
                flag = "--" + name.replace("_", "-")
                raise InvalidInputError(f"{flag} must be at least 1, got {getattr(self, name)}")
        if self.architecture == "topk" and self.k > self.d_sae:
            raise InvalidInputError(f"--k {self.k} exceeds the width, d_sae={self.d_sae}")
        if not 0 < self.dead_window <= 1:
            raise InvalidInputError(f"--dead-window must lie in (0, 1], got {self.dead_window}")
        if not self.learning_rate > 0:
            raise InvalidInputError(f"--lr must be positive, got {self.learning_rate}")
        if not self.l1 >= 0:
            raise InvalidInputError(f"--l1 must not be negative, got {self.l1}")
        if not 0 <= self.checkpoints <= self.n_steps:
            raise InvalidInputError(
                f"--checkpoints must lie between 0 and the {self.n_steps} steps of the run, "
                f"got {self.checkpoints}"
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
