"""Names beside what they name, in its colour, so that no reader goes to a legend and back.

A name is set where it touches nothing that is drawn and lies nearer to its own line than to any
other; the names for which there is no such place stay in a legend above the axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import numpy as np
from jaxtyping import Float64
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import same_color
from matplotlib.container import BarContainer
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle, StepPatch
from matplotlib.path import Path
from matplotlib.text import Annotation, Text

from universality.figures.style import COLOURS, legend_above

Points: TypeAlias = Float64[np.ndarray, "_ 2"]
Boxes: TypeAlias = Float64[np.ndarray, "_ 4"]
"""Left, bottom, right, top, in pixels."""

_STEP = 2.0
_GAP = 3.0
_LETTER = 0.58
"""Mean width of a letter over the size of the font."""
_FAR = 30.0
_EVERY = 4
"""Of the points of a line, so many apart are places for its name."""
_SIDES = (
    *((across, 0.0, 0.0, _GAP) for across in (-1.0, -0.5, 0.0)),
    *((across, -1.0, 0.0, -_GAP) for across in (-1.0, -0.5, 0.0)),
    (0.0, -0.5, _GAP, 0.0),
    (-1.0, -0.5, -_GAP, 0.0),
)
"""Lower left corner of a name from a point of its line: in sizes of the name, and in pixels."""


_PART = {"left": 0.0, "bottom": 0.0, "baseline": 0.0, "center": 0.5, "right": 1.0, "top": 1.0}


@final
@dataclass(frozen=True, eq=False)
class _Named:
    """One name, and everything on the axes that has it."""

    name: str
    artists: tuple[Artist, ...]
    lines: tuple[Points, ...]
    size: tuple[float, float]

    @property
    def colour(self) -> Any:
        colours = [_colour(one) for one in self.artists]
        return colours[0] if all(same_color(colours[0], c) for c in colours) else COLOURS["null"]


def name_lines(ax: Axes, *, columns: int = 2, but: Sequence[str] = (), **options: Any) -> Axes:
    """Names beside labelled lines, outlines and ticks; a legend for the others, if there are any.

    Those in `but` have their names already.

    Lines of one label get one name, at the line that has the most room. Call it when the limits and
    the scales of the axes stand. Options are those of the legend.
    """
    ax.get_xlim()  # sets limits that wait for the next drawing
    return _with_legend(ax, [*but, *_beside_lines(ax, but)], columns=columns, **options)


def name_bars(ax: Axes, *, columns: int = 2) -> Axes:
    """Upright names above the bars of one group, where there is room above each; else a legend.

    What is labelled and is no bar is named as `name_lines` does.
    """
    ax.get_xlim()
    done = _above_bars(ax)
    return _with_legend(ax, done + _beside_lines(ax), columns=columns)


def _beside_lines(ax: Axes, but: Sequence[str] = ()) -> list[str]:
    """Set names beside lines, those with the fewest places first; which they are."""
    named = _named(ax)
    taken, solid = _drawn(ax)
    places = {one.name: _free(ax, one, named, taken, solid) for one in named}
    done = []
    for one in sorted(named, key=lambda each: len(places[each.name])):
        if one.name not in but and len(places[one.name]):
            box = places[one.name][0]
            _write(ax, one.name, box, color=one.colour)
            done.append(one.name)
            places = {name: left[~_overlap(left, box)] for name, left in places.items()}
    return done


def _above_bars(ax: Axes) -> list[str]:
    """Set names above the bars of the lowest group that has room for all; which they are."""
    containers = [one for one in ax.containers if isinstance(one, BarContainer)]
    names = [str(one.get_label()) for one in containers]
    taken, solid = _drawn(ax)
    groups = []
    for bars in zip(*containers, strict=False):
        boxes = [_above(ax, *each, taken) for each in zip(bars, names, strict=True)]
        wide = all(_wide_enough(ax, bar) for bar in bars)
        if wide and all(_holds(ax, box, taken, solid) for box in boxes):
            groups.append((max(box[1] for box in boxes), boxes))
    if not groups or len(set(names)) < len(names):
        return []
    for name, box, bars in zip(names, min(groups)[1], containers, strict=True):
        _write(ax, name, box, color=bars.patches[0].get_facecolor(), rotation=90)
    return names


def _named(ax: Axes) -> list[_Named]:
    found: dict[str, list[Artist]] = {}
    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
        if isinstance(handle, Artist):
            found.setdefault(label, []).append(handle)
    height = _letter_height(ax)
    named = []
    for name, artists in found.items():
        lines = tuple(line for one in artists for line in _paths(ax, one) if len(line))
        size = (_LETTER * height * len(name), 1.15 * height)
        named.append(_Named(name, tuple(artists), lines, size))
    return [one for one in named if one.lines]


def _paths(ax: Axes, artist: Artist) -> list[Points]:
    """What an artist draws as lines, in pixels, every few of them a point."""
    match artist:
        case Line2D() if artist.get_linestyle() not in ("None", "none", "", " "):
            paths = [artist.get_path()]
        case StepPatch() | Polygon() if not artist.get_fill():
            paths = [artist.get_path()]
        case LineCollection():
            paths = list(artist.get_paths())
        case _:
            return []
    transform = artist.get_transform()
    return [_dense(_inside(ax, transform.transform_path(path))) for path in paths]


def _inside(ax: Axes, path: Path) -> Points:
    box = ax.get_window_extent()
    vertices = np.asarray(path.vertices, dtype=np.float64)
    vertices = vertices[np.isfinite(vertices).all(axis=1)]
    return vertices.clip([box.x0, box.y0], [box.x1, box.y1])


def _dense(vertices: Points) -> Points:
    if len(vertices) < 2:
        return np.zeros((0, 2))
    steps = np.hypot(*np.diff(vertices, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, along[-1] + _STEP, _STEP)
    return np.stack([np.interp(at, along, vertices[:, i]) for i in (0, 1)], axis=1)


def _drawn(ax: Axes) -> tuple[Points, Boxes]:
    """Points of all lines and clouds, and boxes of all bars and texts."""
    points: list[Points] = [np.zeros((0, 2))]
    boxes: list[Sequence[float]] = []
    for artist in (*ax.lines, *ax.patches, *ax.collections, *ax.texts):
        match artist:
            case Rectangle():
                boxes.append(np.asarray(artist.get_window_extent().extents).tolist())
            case PathCollection():
                offsets: Points = np.ma.filled(np.ma.asarray(artist.get_offsets(), float), np.nan)
                points.append(artist.get_offset_transform().transform(offsets))
            case Line2D() if artist.get_marker() not in ("None", "none", "", " ", None):
                points.append(artist.get_transform().transform(artist.get_xydata()))
                points += _paths(ax, artist)
            case _:
                points += _paths(ax, artist)
    boxes += [box.tolist() for box in _text_boxes(ax)]
    every = np.concatenate(points)
    return every[np.isfinite(every).all(axis=1)], np.array(boxes, float).reshape(-1, 4)


def _text_boxes(ax: Axes) -> Iterator[Float64[np.ndarray, " 4"]]:
    for text in ax.texts:
        height = float(text.get_fontsize()) * ax.figure.dpi / 72
        width = _LETTER * height * len(text.get_text())
        if round(text.get_rotation()) == 90:
            width, height = height, width
        x, y = _place(ax, text)
        left = x - _PART[text.get_horizontalalignment()] * width
        low = y - _PART[text.get_verticalalignment()] * height
        yield np.array([left, low, left + width, low + height])


def _place(ax: Axes, text: Text) -> tuple[float, float]:
    if isinstance(text, Annotation):  # such as numbers on bars, so many points from a place of data
        place = ax.transData.transform(text.xy) + np.array(text.xyann) * ax.figure.dpi / 72
    else:
        place = text.get_transform().transform(text.get_position())
    return float(place[0]), float(place[1])


def _free(ax: Axes, one: _Named, named: Sequence[_Named], taken: Points, solid: Boxes) -> Boxes:
    """Places for a name that touch nothing, the clearest first."""
    own = np.concatenate(one.lines)
    foreign = [line for each in named if each is not one for line in each.lines]
    others = np.concatenate(foreign) if foreign else np.full((1, 2), np.inf)
    boxes = np.concatenate([_around(line[::_EVERY], one.size) for line in one.lines])
    boxes = boxes[[_holds(ax, box, taken, solid) for box in boxes]]
    if not len(boxes):
        return boxes
    clear = np.array([min(_distance(box, others), _FAR) - _distance(box, own) for box in boxes])
    order = np.argsort(-clear, kind="stable")
    return boxes[order][clear[order] > 0]


def _around(points: Points, size: tuple[float, float]) -> Boxes:
    width, height = size
    corners = [
        points + np.array([across * width + right, up * height + above])
        for across, up, right, above in _SIDES
    ]
    return np.concatenate([np.hstack([low, low + np.array(size)]) for low in corners])


def _holds(ax: Axes, box: Any, taken: Points, solid: Boxes) -> bool:
    """Whether a box lies within the axes and on nothing that is drawn."""
    frame = ax.get_window_extent()
    left, low, right, top = box
    if left < frame.x0 + 1 or right > frame.x1 or low < frame.y0 + 1 or top > frame.y1:
        return False
    x, y = taken.T
    if ((x > left - 1) & (x < right + 1) & (y > low - 1) & (y < top + 1)).any():
        return False
    return not _overlap(solid, box).any()


def _overlap(boxes: Boxes, box: Any) -> np.ndarray:
    left, low, right, top = box
    return np.asarray(
        (boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < top) & (boxes[:, 3] > low)
    )


def _distance(box: Any, points: Points) -> float:
    left, low, right, top = box
    x = np.maximum(np.maximum(left - points[:, 0], points[:, 0] - right), 0.0)
    y = np.maximum(np.maximum(low - points[:, 1], points[:, 1] - top), 0.0)
    return float(np.hypot(x, y).min())


def _above(ax: Axes, bar: Rectangle, name: str, taken: Points) -> tuple[float, ...]:
    """The box of an upright name over a bar, its number and the null's tick."""
    extent, height = bar.get_window_extent(), _letter_height(ax)
    x, y = taken.T
    ticks = y[(x > extent.x0) & (x < extent.x1) & (y > extent.y1 - 1)]
    numbers = [box[3] for box in _text_boxes(ax) if box[0] < extent.x1 and box[2] > extent.x0]
    low = max([extent.y1, *ticks, *(number + _GAP for number in numbers)]) + _GAP
    middle = (extent.x0 + extent.x1) / 2
    return (middle - height / 2, low, middle + height / 2, low + _LETTER * height * len(name))


def _wide_enough(ax: Axes, bar: Rectangle) -> bool:
    return float(bar.get_window_extent().width) >= 0.85 * _letter_height(ax)


def _write(ax: Axes, name: str, box: Any, **style: Any) -> None:
    x, y = ax.transAxes.inverted().transform([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    centred: dict[str, Any] = {"ha": "center", "va": "center", "size": "small"}
    ax.text(x, y, name, transform=ax.transAxes, **centred, **style)


def _colour(artist: Artist) -> Any:
    match artist:
        case Line2D():
            return artist.get_color()
        case LineCollection():
            return artist.get_colors()[0]
        case StepPatch() | Polygon():
            return artist.get_edgecolor()
        case _:
            return COLOURS["null"]


def _letter_height(ax: Axes) -> float:
    """The size of a name's font in pixels of the figure."""
    return float(FontProperties(size="small").get_size_in_points()) * float(ax.figure.dpi) / 72


def _with_legend(ax: Axes, done: Sequence[str], *, columns: int, **options: Any) -> Axes:
    """A legend above of the names that have no place, each once."""
    left: dict[str, Any] = {}
    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
        if label not in done:
            left[label] = _grey(handle) if label in left else handle
    if left:
        legend_above(ax, columns=columns, handles=list(left.values()), labels=list(left), **options)
    return ax


def _grey(handle: Any) -> Any:
    """What stands for lines of several colours in a legend."""
    if not isinstance(handle, Line2D):
        return handle
    grey = Line2D([], [], color=COLOURS["null"])
    grey.set_linestyle(handle.get_linestyle())
    grey.set_linewidth(handle.get_linewidth())
    return grey
