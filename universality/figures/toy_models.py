"""Figures of toy experiments: features in the plane, their overlaps, activity over training."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from universality.errors import InvalidInputError
from universality.figures.direct_names import name_lines
from universality.figures.style import AXES, SERIES, TOY, plain_axes
from universality.figures.withdrawal import drawing
from universality.results.toy import ToyResult
from universality.validation import Number

_REACH = 1.25
_CELL = 3.0
_MOST_COLUMNS = 8
_MOST_LINES = 12


@drawing(result=TOY, ax=AXES, instances=Number(1, whole=True))
def features_in_plane(result: ToyResult, ax: Axes, *, instances: int = _MOST_COLUMNS) -> Axes:
    """A column for each of the first instances: the model, its hidden space, encoder, decoder.

    Features and latents are drawn from the origin; encoder rows are scaled to the longest of
    their instance. Colours tell latents apart, not features.

    Raises:
        InvalidInputError: the hidden space is no plane.
    """
    if result.W.shape[0] != 2:
        raise InvalidInputError(
            f"features can be drawn in a plane where the hidden space has two dimensions; this one "
            f"has {result.W.shape[0]} (draw feature_overlaps instead)"
        )
    shown = min(instances, result.frames["probe"].shape[0])
    rows = ("model", "hidden", "encoder", "decoder")
    for column in range(shown):
        _stars(ax, result.W.T, column, 0, "model")
        _cloud(ax, result.frames["probe"][column], column, 1)
        encoder = result.frames["W_enc"][-1, column]
        longest = max(float(np.linalg.norm(encoder, axis=1).max()), 1e-12)
        _stars(ax, encoder / longest, column, 2, "encoder")
        _stars(ax, result.frames["W_dec"][-1, column], column, 3, "decoder")
    ax.set_xlim(-_CELL / 2, (shown - 0.5) * _CELL)
    ax.set_ylim(-(len(rows) - 0.5) * _CELL, _CELL / 2)
    ax.set_aspect("equal")
    ax.set_yticks([-_CELL * row for row in range(len(rows))], rows)
    ax.set_xticks([_CELL * column for column in range(shown)], [str(i) for i in range(shown)])
    ax.set_xlabel("instance")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


@drawing(result=TOY, ax=AXES)
def feature_overlaps(result: ToyResult, ax: Axes) -> Axes:
    """W^T W of the toy model; the bars beside it are norms, darker where features share more.

    The shade of a bar is the feature's polysemanticity: the sum of squared overlaps of its unit
    direction with the others, 0 for a feature with a dimension of its own.
    """
    overlaps = result.W.T @ result.W
    n = len(overlaps)
    limit = float(np.abs(overlaps).max()) or 1.0
    mesh = ax.pcolormesh(overlaps, cmap="RdBu", vmin=-limit, vmax=limit)
    mesh.set_gid("overlap")
    norms = np.sqrt(np.diag(overlaps))
    unit = result.W / np.where(norms > 0, norms, 1.0)
    shared = np.square(unit.T @ result.W).sum(axis=1) - norms**2
    scale = float(norms.max()) or 1.0
    shades = colormaps["viridis_r"](np.clip(shared, 0, 1))
    ax.barh(
        np.arange(n) + 0.5,
        norms / scale * 0.3 * n,
        left=1.08 * n,
        height=0.8,
        color=shades,
        label="norm",
    )
    ax.set_xlim(0, 1.42 * n)
    ax.invert_yaxis()
    step = max(1, n // 6)
    places = np.arange(0, n, step)
    ax.set_yticks(places + 0.5, [str(i) for i in places])
    ax.set_xticks([*(places + 0.5), 1.23 * n], [*(str(i) for i in places), "norm"])
    ax.set_ylabel("feature")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.figure.colorbar(mesh, ax=ax, label="overlap", shrink=0.8)
    return ax


@drawing(result=TOY, ax=AXES, instance=Number(0, whole=True))
def active_over_training(result: ToyResult, ax: Axes, *, instance: int = 0) -> Axes:
    """The share of inputs on which each latent of one instance is active, over its training.

    A circle marks a latent that began anew.

    Raises:
        InvalidInputError: no such instance.
    """
    active = result.frames["active_fraction"]
    if not 0 <= instance < active.shape[1]:
        raise InvalidInputError(f"there is no instance {instance} of {active.shape[1]}")
    steps = result.frames["step"][1:]
    for latent in range(min(active.shape[2], _MOST_LINES)):
        share = active[1:, instance, latent]
        colour = SERIES[latent % len(SERIES)]
        ax.plot(steps, share, color=colour, label=f"latent {latent}")
        new = result.frames["resampled"][1:, instance, latent]
        if new.any():
            ax.scatter(
                steps[new], share[new], s=14, facecolors="none", edgecolors=colour, label="_anew"
            )
    plain_axes(ax, x="step", y="share of inputs on which it is active")
    ax.set_ylim(bottom=0)
    name_lines(ax, columns=3)
    return ax


def _stars(ax: Axes, rows: np.ndarray, column: int, row: int, label: str) -> None:
    centre = np.array([_CELL * column, -_CELL * row])
    for number, direction in enumerate(rows):
        (x0, y0), (x1, y1) = centre, centre + direction
        colour = "#222222" if label == "model" else SERIES[number % len(SERIES)]
        (line,) = ax.plot([x0, x1], [y0, y1], color=colour, marker=".", markevery=[1], markersize=3)
        line.set_gid(f"{label} {column} {number}")


def _cloud(ax: Axes, points: np.ndarray, column: int, row: int) -> None:
    centre = np.array([_CELL * column, -_CELL * row])
    inside = points[(np.abs(points) <= _REACH).all(axis=1)] + centre
    cloud = ax.scatter(inside[:, 0], inside[:, 1], s=1.5, color="#777777", linewidths=0)
    cloud.set_gid(f"hidden {column}")
