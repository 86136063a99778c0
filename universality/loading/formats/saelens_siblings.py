"""What SAELens writes beside the weights: firing rates, seed, and unfolded input scaling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import ActivationFunction, Gated
from universality.dictionary import Firing
from universality.errors import FormatError
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config, read_config
from universality.loading.containers import open_tensors
from universality.loading.reading import Seed

_FLOOR = 1e-10


@final
@dataclass(frozen=True, eq=False)
class Whitening:
    """z = (x - mean) @ matrix before encoding, undone after decoding."""

    mean: Float[Tensor, " d_in"]
    """Mean of the tokens."""
    matrix: Float[Tensor, "d_in d_in"]
    """Whitening matrix."""
    inverse: Float[Tensor, "d_in d_in"]
    """Its inverse."""

    def unwhitened(self, W_dec: Tensor, b_dec: Tensor) -> tuple[Tensor, Tensor]:
        """Decoder and its bias for raw tokens."""
        bias = b_dec.double() @ self.inverse + self.mean
        return (W_dec.double() @ self.inverse).float(), bias.float()

    def whitened(
        self, W_enc: Tensor, b_enc: Tensor | None, rule: ActivationFunction, pre_bias: bool
    ) -> tuple[Tensor, Tensor | None, ActivationFunction]:
        """Encoder, its bias and its rule for raw tokens; the pre-bias, if any, holds the mean."""
        folded = W_enc.double() @ self.matrix.T
        if pre_bias:
            return folded.float(), b_enc, rule
        shift = folded @ self.mean
        if isinstance(rule, Gated):
            rule = Gated(
                (rule.b_gate - shift).float(),
                rule.r_mag,
                (rule.b_mag - shift * rule.r_mag.double().exp()).float(),
            )
        return folded.float(), None if b_enc is None else (b_enc - shift).float(), rule


def read_scale(checkpoint: Checkpoint) -> float | None:
    """The factor on the tokens of an unfolded checkpoint; None when no file states it."""
    scale = checkpoint.config("activation_scaler.json").number("scaling_factor")
    if scale is None:
        scale = checkpoint.request.norm_scaling_factor
    if scale is not None and scale <= 0:
        raise FormatError(f"{checkpoint.folder}: the factor on the tokens is {scale}, not positive")
    return scale


def read_whitening(checkpoint: Checkpoint) -> Whitening | None:
    """The whitening of an unfolded checkpoint; None when the file is missing."""
    path = checkpoint.folder / "activation_whitening.safetensors"
    if not path.is_file():
        return None
    file = open_tensors(path)
    d = file.take("mean").numel()
    parts = (
        file.take("mean", (d,)),
        file.take("matrix", (d, d)),
        file.take("inverse_matrix", (d, d)),
    )
    return Whitening(*(part.double() for part in parts))


def read_firing(checkpoint: Checkpoint, d_sae: int) -> Firing | None:
    """Firing rates from `sparsity.safetensors` (log10 of the rate); None when there is none.

    Raises:
        FormatError: another number of latents, or a rate above 1.
    """
    path = checkpoint.folder / "sparsity.safetensors"
    if not path.is_file():
        return None
    logarithm = open_tensors(path).take("sparsity", (d_sae,)).double()
    if bool((logarithm > 1e-3).any()):
        raise FormatError(
            f"{path} must hold log10 of firing rates, found {float(logarithm.max()):.3g}: above 0"
        )
    rate = 10**logarithm - _FLOOR
    rate[logarithm < -10 + 1e-4] = 0.0
    return Firing(rate.clamp(0, 1).float(), path.name)


def read_seed(checkpoint: Checkpoint, config: Config) -> Seed:
    """The run's seed: of the training record, the runner's configuration, or `cfg.json`."""
    folders = (checkpoint.folder, *checkpoint.folder.parents[:2])
    runners = [(read_config(folder / "runner_cfg.json"), "seed") for folder in folders]
    record = checkpoint.config("training_record.json").section("settings")
    places = [(record, "init_seed"), *runners, (config, "seed")]
    for place, key in places:
        value = place.integer(key)
        if value is not None:
            name = "metadata.seed" if place is config else key
            return Seed(value, f"{place.where.rsplit('/', 1)[-1]}: {name}")
    return Seed()
