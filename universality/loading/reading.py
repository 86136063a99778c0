"""The steps that reading any format shares: take, turn, fold, and remember what was assumed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import ActivationFunction, NotEncodable
from universality.dictionary import Dictionary, Firing, RunKey, Source
from universality.errors import FormatError
from universality.input_normalization import InputNormalization, NoNormalization
from universality.loading.checkpoints import Checkpoint, Orientation
from universality.loading.configs import Config
from universality.loading.tensors import TensorFile


@final
@dataclass(frozen=True, eq=False)
class Encoder:
    """What turns a token into codes."""

    W_enc: Float[Tensor, "d_sae d_in"] | None
    """Row i is what latent i reads; None where the encoder has no such matrix."""
    b_enc: Float[Tensor, " d_sae"] | None
    """Bias; None means zero."""
    activation_fn: ActivationFunction
    """The rule that follows."""


@final
@dataclass(frozen=True, eq=False)
class Seed:
    """A seed and the place that told it."""

    value: int | None = None
    """The seed; None when nothing told it."""
    found_in: str = ""
    """File and key."""


class Reading:
    """A checkpoint while it is read: hands out checked tensors and keeps the record.

    Every tensor leaves with one latent per row; what was used and what was assumed ends up in the
    dictionary's `source`.
    """

    def __init__(self, checkpoint: Checkpoint, tensors: TensorFile | None = None) -> None:
        """Start on the checkpoint's tensors, or on those given (a section of the file)."""
        self.checkpoint = checkpoint
        self.tensors = tensors if tensors is not None else checkpoint.tensors
        self.decoder_stored: Orientation = "rows"
        self._used: set[str] = set()
        self._missing: list[str] = []
        self._assumptions: list[str] = list(self.tensors.notes)

    def assume(self, sentence: str) -> None:
        """Record a decision that the file did not state."""
        if sentence not in self._assumptions:
            self._assumptions.append(sentence)

    def use(self, *names: str) -> None:
        """Count these tensors as understood, without reading them."""
        self._used.update(names)

    def size(self, name: str, axis: int) -> int:
        """Length of one axis of a tensor as stored, without reading it."""
        return self.tensors.size(name, axis)

    def rows(self, name: str, shape: tuple[int, int] | None = None) -> Tensor:
        """A matrix stored with one latent per row; `shape` is (d_sae, d) where it is known."""
        return self._matrix(name, shape)

    def columns(self, name: str, shape: tuple[int, int] | None = None) -> Tensor:
        """A matrix stored with one latent per column, turned; `shape` is (d_sae, d)."""
        return self._matrix(name, None if shape is None else shape[::-1]).T

    def turned(self, name: str, stored: Orientation, shape: tuple[int, int]) -> Tensor:
        """A matrix that this format stores by `stored`; `shape` is (d_sae, d).

        For formats that nothing but key names tells apart: a square matrix needs the user's word.

        Raises:
            FormatError: the matrix is square and `--orientation` is absent, or another shape.
        """
        if shape[0] == shape[1]:
            stored = self._settled(name, stored, shape[0])
        return self.rows(name, shape) if stored == "rows" else self.columns(name, shape)

    def matrix_of(self, name: str, axis: int, index: int) -> Tensor:
        """One matrix out of a tensor that stacks several along `axis`.

        Raises:
            FormatError: the tensor has not three axes, or there is no such index.
        """
        return self._part(name, axis, index, n_axes=3)

    def vector_of(self, name: str, index: int, size: int) -> Tensor:
        """One vector of this size out of a matrix that holds one per row.

        Raises:
            FormatError: the tensor has not two axes, another size, or there is no such index.
        """
        vector = self._part(name, 0, index, n_axes=2)
        self._check_shape(name, vector, (size,))
        return vector

    def part_index(self) -> int:
        """The part that was asked for, as a number; 0 where the file holds one."""
        part = self.checkpoint.request.part
        return int(part) if part.isdecimal() else 0

    def skip(self, name: str) -> Tensor | None:
        """A skip connection (d_out, d_in); None when there is none or no encoder is wanted."""
        if name not in self.tensors or "encoder" not in self.checkpoint.request.views:
            return None
        return self._matrix(name, None)

    def vector(self, name: str, size: int) -> Tensor:
        """A vector of this size (a leading axis of one is dropped)."""
        self.use(name)
        if self.tensors.shape(name) == (1, size):
            return self.tensors.take(name)[0]
        return self.tensors.take(name, (size,))

    def optional_vector(self, name: str, size: int) -> Tensor | None:
        """A vector of this size; None, and noted as missing, when the file has none."""
        if name in self.tensors:
            return self.vector(name, size)
        self._missing.append(name)
        return None

    def optional_scaling(self, name: str, size: int) -> Tensor | None:
        """A vector of factors of this size; None when it is absent or all ones."""
        self.use(name)
        if name not in self.tensors:
            return None
        factors = self.vector(name, size)
        return None if bool((factors == 1).all()) else factors.float()

    def scalar(self, name: str) -> float:
        """A single number."""
        self.use(name)
        return self.tensors.scalar(name)

    def k(self, value: int | None, d_sae: int, where: str) -> int:
        """The k of a top-k rule, checked.

        Raises:
            FormatError: it is unknown, below 1 or above d_sae.
        """
        if value is None:
            raise FormatError(f"{where} does not say k, the number of latents kept per token")
        if not 1 <= value <= d_sae:
            raise FormatError(f"{where}: k={value} must lie between 1 and d_sae={d_sae}")
        return value

    def finish(
        self,
        W_dec: Tensor,
        b_dec: Tensor | None,
        encoder: Callable[[], Encoder],
        *,
        format: str,
        version: str = "",
        key: RunKey,
        seed: Seed = Seed(),
        input_normalization: InputNormalization = NoNormalization(),
        apply_b_dec_to_input: bool = False,
        W_skip: Tensor | None = None,
        firing: Firing | None = None,
        config: Config | None = None,
        extra_files: tuple[Path, ...] = (),
    ) -> Dictionary:
        """The dictionary; `encoder` is called only when the encoder view is wanted."""
        request = self.checkpoint.request
        record = self.checkpoint.config("training_record.json").values
        if "encoder" in request.views:
            parts = encoder()
        else:
            parts = Encoder(None, None, NotEncodable("only its decoder was loaded"))
        n, d_out = W_dec.shape
        if parts.W_enc is not None:
            d_in = parts.W_enc.shape[1]
            self._check_shape("the encoder", parts.W_enc, (n, d_in))
            self._check_shape("the skip connection", W_skip, (d_out, d_in))
        self._check_shape("the encoder's bias", parts.b_enc, (n,))
        self._check_shape("the decoder's bias", b_dec, (d_out,))
        return Dictionary(
            W_dec=W_dec,
            W_enc=parts.W_enc,
            b_enc=parts.b_enc,
            b_dec=b_dec,
            W_skip=W_skip,
            activation_fn=parts.activation_fn,
            input_normalization=input_normalization,
            apply_b_dec_to_input=apply_b_dec_to_input,
            firing=firing,
            key=_with(key, W_dec.shape[0], seed.value),
            source=Source(
                spec=request.spec,
                name=request.name,
                format=format,
                version=version,
                part=request.part,
                weight_files=(*self.checkpoint.files, *extra_files),
                seed_found_in=seed.found_in,
                assumptions=tuple(self._assumptions),
                missing_keys=tuple(self._missing),
                extra_keys=self._extra_keys(),
                config={
                    **(config.values if config is not None else {}),
                    **({"training_record": record} if record else {}),
                },
            ),
        )

    def _check_shape(self, name: str, tensor: Tensor | None, shape: tuple[int, ...]) -> None:
        if tensor is not None and tuple(tensor.shape) != shape:
            raise FormatError(
                f"{self.tensors.where}: {name} must have shape {shape} to fit the decoder, found "
                f"{tuple(tensor.shape)}"
            )

    def _part(self, name: str, axis: int, index: int, *, n_axes: int) -> Tensor:
        self.use(name)
        shape = self.tensors.shape(name)
        if len(shape) != n_axes or not 0 <= index < shape[axis]:
            raise FormatError(
                f"{self.tensors.where}: {name} has shape {shape}; it should have {n_axes} axes, "
                f"and a part {index} along axis {axis}"
            )
        return self.tensors.take(name).select(axis, index)

    def _settled(self, name: str, stored: Orientation, size: int) -> Orientation:
        """How a square matrix is stored: as the user says of the decoder, the encoder turned."""
        asked = self.checkpoint.request.orientation
        if asked is None:
            raise FormatError(
                f"{self.tensors.where}: {name} is square ({size} x {size}), so nothing tells "
                "whether rows or columns of the decoder are directions; pass --orientation rows or "
                "--orientation columns"
            )
        usual = self.decoder_stored
        if usual == asked:
            return stored
        return "columns" if stored == "rows" else "rows"

    def _matrix(self, name: str, stored: tuple[int, ...] | None) -> Tensor:
        self.use(name)
        shape = self.tensors.shape(name)
        if len(shape) != 2:
            raise FormatError(
                f"{self.tensors.where}: {name} must have two dimensions, found shape {shape}"
            )
        return self.tensors.take(name, stored)

    def _extra_keys(self) -> tuple[str, ...]:
        if "encoder" not in self.checkpoint.request.views:
            return ()
        names: Mapping[str, Any] = self.tensors.entries
        return tuple(sorted(set(names) - self._used))


def layer_hook(text: str) -> str | None:
    """The residual hook of the layer that a path names by `layer_12` or `layer12`."""
    found = re.search(r"layer_?(\d{1,3})(?!\d)", text)
    return f"blocks.{int(found[1])}.hook_resid_post" if found else None


def with_unit_rows(W_dec: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix with rows of norm one, and the norms; rows of norm zero stay as they are."""
    norms = W_dec.float().norm(dim=1)
    safe = torch.where(norms > 0, norms, torch.ones_like(norms))
    return W_dec.float() / safe[:, None], safe


def _with(key: RunKey, d_sae: int, seed: int | None) -> RunKey:
    return RunKey(key.model_name, key.hook_name, d_sae, seed, key.step, key.dataset)
