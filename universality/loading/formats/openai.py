"""OpenAI's sparse_autoencoder for GPT-2 small: one `.pt` with weights and the rule's name."""

from __future__ import annotations

from functools import partial

from universality.activation_functions import ActivationFunction, Identity, ReLU, TopK
from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError
from universality.input_normalization import LayerNorm, NoNormalization
from universality.loading.checkpoints import Checkpoint
from universality.loading.reading import Encoder, Reading

NAME = "openai"

_STATISTICS = ("stats_last_nonzero", "latents_activation_frequency", "latents_mean_square")


def recognise(checkpoint: Checkpoint) -> bool:
    """The keys `pre_bias` and `latent_bias`."""
    return checkpoint.has("pre_bias", "latent_bias")


def read(checkpoint: Checkpoint) -> Dictionary:
    """The dictionary; top-k ones layer-normalise their tokens.

    Raises:
        FormatError: an unknown activation, a post-activation other than ReLU, or tensors that do
            not fit.
    """
    reading = Reading(checkpoint)
    reading.use(*_STATISTICS)
    W_dec = reading.columns("decoder.weight")
    rule = _rule(reading, W_dec.shape[0])
    normalised = isinstance(rule, TopK)
    if normalised:
        reading.assume("top-k dictionaries of this project layer-normalise their tokens")
    return reading.finish(
        W_dec,
        reading.vector("pre_bias", W_dec.shape[1]),
        partial(_encoder, reading, rule, (W_dec.shape[0], W_dec.shape[1])),
        format=NAME,
        key=RunKey(model_name="gpt2-small"),
        input_normalization=LayerNorm() if normalised else NoNormalization(),
        apply_b_dec_to_input=True,
    )


def _encoder(reading: Reading, rule: ActivationFunction, shape: tuple[int, int]) -> Encoder:
    W_enc = reading.rows("encoder.weight", shape)
    return Encoder(W_enc, reading.vector("latent_bias", shape[0]), rule)


def _rule(reading: Reading, d_sae: int) -> ActivationFunction:
    others = reading.tensors.others
    state = others.get("activation_state_dict")
    state = state if isinstance(state, dict) else {}
    match others.get("activation"):
        case "ReLU":
            return ReLU()
        case "Identity":
            return Identity()
        case "TopK":
            post = state.get("postact_fn", "ReLU")
            if post != "ReLU":
                raise FormatError(f"{reading.tensors.where}: unknown postact_fn {str(post)[:40]!r}")
            k = state.get("k")
            return TopK(reading.k(k if type(k) is int else None, d_sae, reading.tensors.where))
        case other:
            raise FormatError(f"{reading.tensors.where}: unknown activation {str(other)[:40]!r}")
