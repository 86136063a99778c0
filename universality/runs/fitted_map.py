"""A map between the spaces of two language models, fitted to what both do on the same tokens.

Rows x of the one and y of the other model are states at the same token, centred. `rotation`: the
partial isometry R nearest to y R = x (Procrustes); lengths and angles are kept, so a direction of b
is turned and nothing else. `affine`: the least squares M of y M = x, and N of x N = y, with a small
ridge. What a latent writes is a step in b's space, and becomes its row times M; what it reads is a
linear function of y, and y is x N, so its encoder row e becomes N e. (For a rotation both are R.)

The map is fitted on half of the documents and judged on the other half: the share of the variance
of x that it explains there, beside the same of maps fitted to broken pairs, where pieces of text
have changed places. A map between unrelated models explains nothing. But it still maps the
strongest directions of the one to the strongest of the other, where many latents lie: directions
that went through a map are compared with those that went through a broken one, not with random
ones.
(2506.06609 stitches so within one tokenizer.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never, final, get_args

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64
from torch import Tensor

from universality.activations.cache import read_activations
from universality.errors import InvalidInputError
from universality.evidence.held_out import split_documents
from universality.nulls.null import Null, RunRows
from universality.nulls.tokens import permute_windows
from universality.pair_geometry.orthogonal_fit import rotation_of
from universality.runs.part import Recorded

MapKind: TypeAlias = Literal["rotation", "affine"]
"""What may be done to b's space."""
FITTED_NULL = "fitted"
"""Name of the null of directions that went through a fitted map."""
MOST_FITTED = 20_000
"""Tokens that a map is fitted to, and judged on, at most."""
_MAP_DRAWS = 4
_RIDGE = 1e-4


@final
@dataclass(frozen=True, eq=False)
class SpaceMap:
    """From the space of b into that of a."""

    steps: Float64[np.ndarray, "d_b d_a"]
    """A row of b times this is the row in a."""
    readings: Float64[np.ndarray, "d_a d_b"]
    """This times what reads b, as a column, is what reads a."""

    def moved(self, rows: RunRows) -> dict[str, Tensor]:
        """Directions of b, by view, in the space of a."""
        found = {}
        for view, directions in rows.items():
            map_ = self.readings.T if view == "encoder" else self.steps
            found[view] = (directions.double().cpu() @ torch.from_numpy(map_)).to(directions)
        return found


@final
@dataclass(frozen=True, eq=False)
class FittedAlignment:
    """A map from the space of b into that of a, and how good it is."""

    kind: MapKind
    """What was fitted."""
    map: SpaceMap
    """On half of the documents."""
    n_fit: int
    """Tokens that it was fitted to."""
    n_judged: int
    """Tokens of other documents that it was judged on."""
    explained: float
    """Share of the variance of a's states that it explains there; below 0 if it errs more."""
    null_explained: tuple[float, ...]
    """The same of maps fitted to broken pairs."""
    null: Null
    """Draws b through a map that was fitted to broken pairs."""

    def as_record(self) -> dict[str, object]:
        """For JSON."""
        return {
            "kind": self.kind,
            "n_tokens_fit": self.n_fit,
            "n_tokens_judged": self.n_judged,
            "explained": self.explained,
            "null_explained": float(np.mean(self.null_explained)),
        }


def fitted_kind(align: str) -> MapKind | None:
    """The map that an alignment fits; None where it fits none."""
    return next((kind for kind in get_args(MapKind) if kind == align), None)


def fit_alignment(
    kind: MapKind,
    recorded: tuple[Recorded, Recorded],
    documents: Int[np.ndarray, " n_tokens"],
    rows: RunRows,
    *,
    seed: int,
) -> FittedAlignment:
    """The map from the activations of b to those of a on common tokens, with its null.

    Of each half of the documents at most `MOST_FITTED` tokens are read. `rows` are the directions
    of b that the null moves. O(n d_a d_b), once for the map and once for each draw.

    Raises:
        InvalidInputError: there is one document, or fewer tokens than dimensions.
    """
    if np.unique(documents).size < 2:
        raise InvalidInputError(
            f"--align {kind} fits a map on half of the documents and judges it on the other half; "
            "the cache has one document: collect more"
        )
    first = split_documents(documents, seed=seed)
    fit, judge = (np.flatnonzero(half)[:MOST_FITTED] for half in (first, ~first))
    x, y = (_states(one, fit) for one in recorded)
    if min(len(fit), len(judge)) <= max(x.shape[1], y.shape[1]):
        raise InvalidInputError(
            f"--align {kind} has {len(fit):,} tokens to fit a map of {y.shape[1]} to {x.shape[1]} "
            f"dimensions, and {len(judge):,} to judge it; give more tokens than dimensions"
        )
    centre = x.mean(axis=0), y.mean(axis=0)
    x, y = x - centre[0], y - centre[1]
    seen = tuple(_states(one, judge) - mean for one, mean in zip(recorded, centre, strict=True))
    found = _fitted(kind, x, y)

    def broken(generator: torch.Generator) -> SpaceMap:
        place_a, place_b = permute_windows(documents[fit], generator=generator)
        return _fitted(kind, x[place_a], y[place_b])

    def draw(a: RunRows, b: RunRows, *, generator: torch.Generator) -> tuple[RunRows, RunRows]:
        return a, {view: one for view, one in broken(generator).moved(rows).items() if view in b}

    generator = torch.Generator().manual_seed(seed)
    return FittedAlignment(
        kind=kind,
        map=found,
        n_fit=len(fit),
        n_judged=len(judge),
        explained=_explained(kind, found, (x, y), seen),
        null_explained=tuple(
            _explained(kind, broken(generator), (x, y), seen) for _ in range(_MAP_DRAWS)
        ),
        null=Null(
            FITTED_NULL,
            "b through a map that was fitted as the real one is, to tokens that do not belong "
            "together",
            draw,
        ),
    )


def _states(one: Recorded, tokens: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "n d"]:
    rows = read_activations(one.cache, torch.from_numpy(one.rows[tokens]))
    return np.asarray(rows.double().cpu().numpy())


def _fitted(kind: MapKind, x: np.ndarray, y: np.ndarray) -> SpaceMap:
    match kind:
        case "rotation":
            turn = rotation_of(y.T @ x)
            return SpaceMap(turn, turn.T)
        case "affine":
            return SpaceMap(_least_squares(y, x), _least_squares(x, y))
        case _:
            assert_never(kind)


def _least_squares(given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    own = given.T @ given
    own += _RIDGE * np.trace(own) / len(own) * np.eye(len(own))
    return np.asarray(np.linalg.solve(own, given.T @ wanted))


def _explained(
    kind: MapKind,
    found: SpaceMap,
    fitted: tuple[np.ndarray, np.ndarray],
    seen: tuple[np.ndarray, ...],
) -> float:
    """On the judged tokens; a rotation may be scaled by one number, found where it was fitted."""
    scale = 1.0
    if kind == "rotation":
        x, y = fitted
        moved = y @ found.steps
        scale = float((moved * x).sum() / max((moved * moved).sum(), np.finfo(np.float64).tiny))
    left = seen[0] - scale * (seen[1] @ found.steps)
    return float(1 - (left * left).sum() / (seen[0] * seen[0]).sum())
