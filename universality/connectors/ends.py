"""The two ends of a connector: codes of two dictionaries on the same tokens, in the same order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Bool, Int64
from scipy import sparse
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.activations.token_table import TokenTable
from universality.codes import Codes, from_batches, take_tokens, token_range
from universality.connectors.connector import EndKey
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.loading import weights_hash
from universality.runs.common_tokens import encode_runs
from universality.shapes import ArrayLike, as_matrix
from universality.validation import Is


@final
@dataclass(frozen=True, eq=False)
class ConnectorEnd:
    """The codes at one end, with what is known of them."""

    codes: Codes
    """What every latent does on every token."""
    tokens: TokenTable | None = None
    """Which tokens these are; None where that is not known."""
    key: EndKey = field(default_factory=EndKey)
    """Whose latents they are."""
    rows: Int64[np.ndarray, " n_tokens"] | None = None
    """Row of the cache that each token is; None for codes of no cache."""

    @property
    def by_token(self) -> sparse.csr_array:
        """The codes in one piece, (n_tokens, d_sae)."""
        return sparse.csr_array(token_range(self.codes, range(self.codes.n_tokens)).T)


EndLike: TypeAlias = "ConnectorEnd | Codes | ArrayLike"
"""Codes with what is known of them, bare codes, or an array of them, (n_tokens, d_sae)."""

END = Is(
    (ConnectorEnd, Codes, np.ndarray, Tensor), "codes: of `encode`, or an array (tokens, d_sae)"
)
"""What public functions take for an end."""


def as_end(given: EndLike, name: str) -> ConnectorEnd:
    """Codes as an end; `name` is what an error calls them.

    Raises:
        InvalidInputError: an array is no matrix of finite floats.
    """
    match given:
        case ConnectorEnd():
            return given
        case Codes():
            return ConnectorEnd(given)
        case _:
            rows = as_matrix(given, name)
            return ConnectorEnd(from_batches([rows], rows.shape[1]))


def check_ends(source: ConnectorEnd, target: ConnectorEnd) -> None:
    """Nothing, when the codes at both ends are of the same tokens, and of two dictionaries.

    Raises:
        InvalidInputError: they are not.
    """
    n_source, n_target = source.codes.n_tokens, target.codes.n_tokens
    if n_source != n_target:
        raise InvalidInputError(
            f"source_codes are of {n_source:,} tokens and target_codes of {n_target:,}; both must "
            "be of the same tokens in the same order"
        )
    if source.tokens is not None and target.tokens is not None:
        _check_same_tokens(source.tokens, target.tokens)
    known = source.key.sha256 is not None
    if (known and source.key.sha256 == target.key.sha256) or _equal(source.codes, target.codes):
        raise InvalidInputError(
            f"source and target are the same dictionary ({source.key.name}): the identity connects "
            "it with itself; give dictionaries of two places"
        )


def coded_ends(
    source: Dictionary,
    target: Dictionary,
    source_cache: ActivationCache,
    target_cache: ActivationCache,
    *,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> tuple[ConnectorEnd, ConnectorEnd]:
    """Both dictionaries encoded, each over its cache, on the tokens that both caches hold.

    Raises:
        InvalidInputError: the caches are not of the same texts, or not of the runs' width.
        UnsupportedError: a dictionary cannot encode.
    """
    recorded, tokens = encode_runs(
        (source, target), (source_cache, target_cache), device=device, progress=progress
    )
    first, second = (
        ConnectorEnd(one.codes, tokens, key_of(run), one.rows)
        for one, run in zip(recorded, (source, target), strict=True)
    )
    return first, second


def key_of(dictionary: Dictionary) -> EndKey:
    """What an end says of its dictionary."""
    key = dictionary.key
    return EndKey(dictionary.source.name, weights_hash(dictionary), key.model_name, key.hook_name)


def taken(end: ConnectorEnd, kept: Bool[np.ndarray, " n_tokens"]) -> ConnectorEnd:
    """The end on the tokens where `kept` is true.

    Raises:
        InvalidInputError: `kept` keeps nothing.
    """
    return replace(
        end,
        codes=take_tokens(end.codes, kept),
        tokens=None if end.tokens is None else end.tokens.take(np.flatnonzero(kept)),
        rows=None if end.rows is None else end.rows[kept],
    )


def held_out_tokens(end: ConnectorEnd, share: float, *, seed: int) -> Bool[np.ndarray, " n_tokens"]:
    """Which tokens are kept out of a fit: whole documents, where they are known; else the last.

    Raises:
        InvalidInputError: nothing is left for one of both.
    """
    n = end.codes.n_tokens
    kept_out = np.zeros(n, dtype=bool)
    if end.tokens is None:
        kept_out[n - round(share * n) :] = True
    else:
        documents, counts = np.unique(end.tokens.documents, return_counts=True)
        order = np.random.default_rng(seed).permutation(documents.size)
        before = np.cumsum(counts[order]) - counts[order]
        chosen = documents[order[before < share * n]]
        kept_out = np.isin(end.tokens.documents, chosen)
    if not kept_out.any() or kept_out.all():
        raise InvalidInputError(
            f"--held-out {share:g} (held_out=) of {n:,} tokens leaves nothing to fit or nothing to "
            "judge by; give more tokens, or more documents"
        )
    return kept_out


def _check_same_tokens(source: TokenTable, target: TokenTable) -> None:
    for name in ("documents", "positions", "tokens"):
        differ = np.flatnonzero(getattr(source, name) != getattr(target, name))
        if differ.size:
            raise InvalidInputError(
                f"source_codes and target_codes are not of the same tokens in the same order: "
                f"{differ.size:,} of {len(source):,} differ in their {name}, first number "
                f"{differ[0]}; encode both with `coded_ends`, which aligns two caches"
            )


def _equal(a: Codes, b: Codes) -> bool:
    if a.d_sae != b.d_sae or a.n_entries != b.n_entries or not np.array_equal(a.count, b.count):
        return False
    same_sums = np.array_equal(a.total, b.total)
    return same_sums and np.array_equal(a.total_of_squares, b.total_of_squares)
