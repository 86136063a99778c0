"""Codes whose connection is known: targets that copy, join or exclude sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("copy", "or", "and_not")


@dataclass(frozen=True)
class KnownMap:
    """True source codes, a map, and the target codes it gives."""

    source: np.ndarray
    target: np.ndarray
    W: np.ndarray
    kinds: tuple[str, ...]


def known_map(n_tokens: int = 20_000, d: int = 48, *, seed: int = 0) -> KnownMap:
    """Target j is of kind j mod 3. The two inputs of an AND-NOT fire together beyond chance."""
    generator = np.random.default_rng(seed)
    on = generator.random((n_tokens, d)) < 0.06
    kinds = tuple(KINDS[j % len(KINDS)] for j in range(d))
    W = np.zeros((d, d))
    for j, kind in enumerate(kinds):
        first, second, third = generator.permutation(d)[:3]
        match kind:
            case "copy":
                W[j, first] = generator.uniform(0.6, 1.4)
            case "or":
                W[j, [first, second, third]] = generator.uniform(0.5, 1.2, 3)
            case _:
                W[j, first], W[j, second] = generator.uniform(0.6, 1.2), -3.0
                together = generator.random(n_tokens) < 0.01
                on[together, first] = on[together, second] = True
    source = np.where(on, generator.uniform(0.5, 1.5, (n_tokens, d)), 0).astype(np.float32)
    return KnownMap(source, np.maximum(source @ W.T, 0).astype(np.float32), W, kinds)
