"""Multi-layer SAEs of tim-lawson/mlsae: `config.json` and `model.safetensors`."""

from __future__ import annotations

from functools import partial

from universality.activation_functions import ActivationFunction, NotEncodable, TopK
from universality.dictionary import Dictionary, RunKey
from universality.input_normalization import LayerNorm, NoNormalization
from universality.loading.checkpoints import Checkpoint
from universality.loading.configs import Config
from universality.loading.reading import Encoder, Reading

NAME = "mlsae"


def recognise(checkpoint: Checkpoint) -> bool:
    """The key `pre_encoder_bias`."""
    return checkpoint.has("pre_encoder_bias", "encoder.weight", "decoder.weight")


def read(checkpoint: Checkpoint) -> Dictionary:
    """The top-k dictionary, its tokens standardised one by one where the configuration says so.

    Raises:
        FormatError: no `config.json`, which alone states k, or tensors that do not fit it.
    """
    reading = Reading(checkpoint)
    reading.use("last_nonzero")
    config = checkpoint.config("config.json")
    n, d = config.positive("n_latents"), config.positive("n_inputs")
    standardised = config.flag("standardize", default=True)
    return reading.finish(
        reading.columns("decoder.weight", (n, d)),
        reading.vector("pre_encoder_bias", d),
        partial(_encoder, reading, config, (n, d)),
        format=NAME,
        key=RunKey(model_name=config.text("model_name")),
        input_normalization=LayerNorm() if standardised else NoNormalization(),
        apply_b_dec_to_input=True,
        config=config,
    )


def _encoder(reading: Reading, config: Config, shape: tuple[int, int]) -> Encoder:
    return Encoder(reading.rows("encoder.weight", shape), None, _rule(reading, config, shape[0]))


def _rule(reading: Reading, config: Config, d_sae: int) -> ActivationFunction:
    if config.flag("lens", default=False):
        return NotEncodable(
            "it transforms tokens by their layer, which a token alone does not tell"
        )
    return TopK(reading.k(config.integer("k"), d_sae, config.where))
