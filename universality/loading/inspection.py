"""What a checkpoint is, before anything is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality import activation_functions, input_normalization
from universality.dictionary import Dictionary
from universality.loading.addressed_runs import load
from universality.loading.hashing import weights_hash

_BLOCK_ENTRIES = 2**21
# A decoder of more entries is opened again for each such part, which gives its pages back.
_LARGE = 2**23


@final
@dataclass(frozen=True, eq=False)
class Inspection:
    """A dictionary with what was measured on it."""

    dictionary: Dictionary
    """The dictionary as loaded."""
    decoder_norms: Float[Tensor, " d_sae"]
    """Euclidean norm of each latent's decoder row."""
    sha256: str
    """Hash of the weights."""

    @property
    def n_zero_rows(self) -> int:
        """Latents whose decoder row is zero."""
        return int((self.decoder_norms == 0).sum())

    @property
    def n_never_fired(self) -> int | None:
        """Latents that never fired when someone counted; None when nobody did."""
        firing = self.dictionary.firing
        return None if firing is None else int((firing.frequency == 0).sum())

    def summary(self) -> dict[str, Any]:
        """Everything worth knowing, ready for JSON."""
        dictionary, source, norms = self.dictionary, self.dictionary.source, self.decoder_norms
        return {
            "spec": source.spec,
            "name": source.name,
            "format": source.format,
            "version": source.version or None,
            "part": source.part or None,
            "architecture": activation_functions.describe_activation(dictionary.activation_fn),
            "encode_refused": _refusal(dictionary),
            "d_in": dictionary.d_in,
            "d_sae": dictionary.d_sae,
            "d_out": dictionary.d_out,
            "dtype": str(dictionary.W_dec.dtype).removeprefix("torch."),
            "tensors": _present(dictionary),
            "b_dec_subtracted_first": dictionary.apply_b_dec_to_input,
            "normalization": input_normalization.describe_normalization(
                dictionary.input_normalization
            ),
            "model_name": dictionary.key.model_name,
            "hook_name": dictionary.key.hook_name,
            "step": dictionary.key.step,
            "dataset": dictionary.key.dataset,
            "seed": dictionary.key.seed,
            "seed_found_in": source.seed_found_in or None,
            "decoder_norm": {
                "min": float(norms.min()),
                "median": float(norms.median()),
                "max": float(norms.max()),
            },
            "n_zero_rows": self.n_zero_rows,
            "n_never_fired": self.n_never_fired,
            "firing_source": dictionary.firing.source if dictionary.firing else None,
            "training": _training(source.config),
            "missing_keys": list(source.missing_keys),
            "extra_keys": list(source.extra_keys),
            "assumptions": list(source.assumptions),
            "weight_files": [str(path) for path in source.weight_files],
            "sha256": self.sha256,
        }


def examine(
    spec: str | Path, *, format: str | None = None, orientation: str | None = None
) -> Inspection:
    """The checkpoint at an address with its decoder norms and hash; reads every weight once.

    Raises:
        UniversalityError: whatever `load` raises.
    """
    dictionary = load(spec, format=format, orientation=orientation)
    again = partial(load, spec, format=format, orientation=orientation, views=("decoder",))
    norms = torch.empty(dictionary.d_sae, dtype=torch.float32)
    if dictionary.W_dec.numel() <= _LARGE:
        _write_norms(norms, dictionary.W_dec)
    else:
        n_rows = max(1, _LARGE // dictionary.d_out)
        for start in range(0, dictionary.d_sae, n_rows):
            rows = slice(start, start + n_rows)
            _write_norms(norms[rows], again(checked=False).W_dec[rows])
    return Inspection(dictionary, norms, weights_hash(dictionary))


def _write_norms(norms: Tensor, W_dec: Tensor) -> None:
    """Row norms into a tensor at hand: small results in between would pin the large blocks."""
    step = max(1, _BLOCK_ENTRIES // W_dec.shape[1])
    for start in range(0, len(norms), step):
        rows = slice(start, start + step)
        norms[rows] = W_dec[rows].double().norm(dim=1)


def _training(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the training record measured at the end, where there is one."""
    record = config.get("training_record")
    if not isinstance(record, dict):
        return None
    return {key: record.get(key) for key in ("fvu", "l0", "dead_fraction", "n_presentations")}


def _refusal(dictionary: Dictionary) -> str | None:
    match dictionary.activation_fn:
        case activation_functions.NotEncodable(reason):
            return reason
        case _:
            return None


def _present(dictionary: Dictionary) -> list[str]:
    names = ("W_enc", "W_dec", "b_enc", "b_dec", "W_skip")
    return [name for name in names if getattr(dictionary, name) is not None]
