"""Style of all figures: as wide as a page, readable in black and white, no global state."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

from ssn3d.io.files import PathLike, atomic_path

PAGE_WIDTH_INCH = 7.1
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "svg.hashsalt": "ssn3d",  # the same figure has the same bytes
}


class Series(NamedTuple):
    """Look of one series; series differ in lightness, dashes and marker, not in hue alone."""

    color: str
    linestyle: str
    marker: str


GREY = "#8C8C8C"
SERIES = [
    Series("#000000", "-", "o"),
    Series("#0072B2", "--", "s"),
    Series("#D55E00", "-.", "^"),
    Series("#56B4E9", ":", "D"),
    Series("#E69F00", (0, (5, 1, 1, 1, 1, 1)), "v"),  # type: ignore[arg-type]
    Series("#009E73", (0, (8, 2)), "P"),  # type: ignore[arg-type]
    Series("#CC79A7", (0, (1, 3)), "X"),  # type: ignore[arg-type]
    Series("#999933", (0, (8, 2, 1, 2)), "*"),  # type: ignore[arg-type]
]

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a function to draw in `STYLE`; matplotlib's settings stay unchanged."""

    @functools.wraps(draw)
    def draw_styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return draw_styled


def new_figure(height_inch: float, width_inch: float = PAGE_WIDTH_INCH) -> Figure:
    """Make an empty figure with automatic layout, without a window."""
    return Figure(figsize=(width_inch, height_inch), layout="constrained")


def save(figure: Figure, path_png: PathLike) -> None:
    """Write a figure as PNG and, beside it, as SVG."""
    path = Path(path_png)
    with mpl.rc_context(STYLE):
        for target, metadata in ((path, {}), (path.with_suffix(".svg"), {"Date": None})):
            with atomic_path(target) as partial:
                figure.savefig(partial, metadata=metadata)
