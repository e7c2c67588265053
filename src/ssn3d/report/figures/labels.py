"""Names beside points, without overlaps, and plain numbers on logarithmic axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

_FONT_SIZE = 5.5
_POINTS_PER_INCH = 72
_NAMES_MAX = 60  # more cannot be read


def name_points(axes: Axes, x: ArrayLike, y: ArrayLike, names: Sequence[str]) -> None:
    """Write each name at the free place nearest to its point; none if there are more than 60.

    The scales and limits of the axes must be final.
    """
    figure = axes.get_figure(root=True)
    if not 0 < len(names) <= _NAMES_MAX or figure is None:
        return
    figure.draw_without_rendering()  # lays the figure out: only then are distances known
    per_point = figure.dpi / _POINTS_PER_INCH
    dots = axes.transData.transform(np.column_stack([x, y])) / per_point
    frame = np.asarray(axes.get_window_extent().extents) / per_point
    taken = [np.concatenate([dot - 2.5, dot + 2.5]) for dot in dots]  # left, bottom, right, top
    for name, dot, at in zip(names, dots, np.column_stack([x, y]), strict=True):
        size = np.array([0.65 * _FONT_SIZE * len(name), 1.1 * _FONT_SIZE])
        offsets = _offsets(size)
        boxes = np.hstack([dot + offsets, dot + offsets + size])
        best = int(np.argmin([_covered(box, taken, frame) for box in boxes]))
        taken.append(boxes[best])
        axes.annotate(
            name, at, offsets[best], textcoords="offset points", fontsize=_FONT_SIZE,
            annotation_clip=False, path_effects=[withStroke(linewidth=1.2, foreground="white")],
            arrowprops={"arrowstyle": "-", "linewidth": 0.3, "shrinkA": 0, "shrinkB": 1},
        )  # fmt: skip


def name_ticks(axes: Axes, names: Sequence[str]) -> None:
    """Name the places 0, 1, ... of the x axis, upwards; if there are more than 60, every n-th."""
    step = 1 + (len(names) - 1) // _NAMES_MAX
    axes.set_xticks(range(0, len(names), step), list(names[::step]), rotation=90)


def plain_log_ticks(axis: Axis) -> None:
    """Label a logarithmic axis at 1, 2 and 5 with plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def _offsets(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offsets of a box's lower left corner from its point, nearest first, in points."""
    angles = np.radians([30, 150, -30, 210, 90, -90, 0, 180, 60, 120, -60, -120])
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    centres = np.concatenate([ring * (size / 2 + gap) for gap in (4, 8, 13, 19, 26, 34)])
    corners: NDArray[np.float64] = centres - size / 2
    return corners


def _covered(
    box: NDArray[np.float64], taken: Sequence[NDArray[np.float64]], frame: NDArray[np.float64]
) -> float:
    """Area of a box (left, bottom, right, top) over other boxes, or outside the frame."""
    others = np.array(taken)
    overlap = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    inside = np.minimum(box[2:], frame[2:]) - np.maximum(box[:2], frame[:2])
    outside = np.prod(box[2:] - box[:2]) - np.prod(np.maximum(inside, 0))
    return float(np.prod(np.maximum(overlap, 0), axis=1).sum() + outside)
