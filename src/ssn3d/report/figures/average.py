"""An average of particles: its central slices, and its Fourier shell correlation."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ssn3d.io.files import PathLike
from ssn3d.report.figures.panels import PLANES, central_slice, draw_slice
from ssn3d.report.figures.style import SERIES, new_figure, save, styled

_NAMES = {"half_maps": "between half maps", "truth": "with the true map"}
_THRESHOLDS = (0.143, 0.5)


def draw_average(
    volume: NDArray[np.float32],
    voxel_size_angstrom: float,
    fsc: pd.DataFrame,
    *,
    figure: PathLike,
) -> None:
    """Write the picture as PNG and SVG.

    Args:
        volume: the average (s, s, s); protein is dark.
        voxel_size_angstrom: of the average.
        fsc: resolution_angstrom, curves half_maps and perhaps truth, and shared, which is 1 in
            shells in which averages of noise agree as well; these are shaded.
        figure: the file.
    """
    save(average_and_fsc(volume, voxel_size_angstrom, fsc), figure)


@styled
def average_and_fsc(
    volume: NDArray[np.float32], voxel_size_angstrom: float, fsc: pd.DataFrame
) -> Figure:
    """Draw three central slices of an average over its FSC."""
    figure = new_figure(4.6)
    grid = figure.add_gridspec(2, 3)
    limits = tuple(np.percentile(volume, [0.2, 99.8]))
    for column, plane in enumerate(PLANES):
        panel = figure.add_subplot(grid[0, column])
        draw_slice(panel, central_slice(volume, plane), plane, voxel_size_angstrom, limits)
    draw_fsc(figure.add_subplot(grid[1, :]), fsc)
    return figure


def draw_fsc(axes: Axes, fsc: pd.DataFrame) -> None:
    """Draw the curves of an FSC; the table as for `draw_average`."""
    frequency = 1 / fsc["resolution_angstrom"]
    shared = frequency[fsc["shared"] == 1].max()
    axes.axvspan(0, shared, color="#EEEEEE", label="same reference for both")
    for (name, label), look in zip(_NAMES.items(), SERIES, strict=False):
        if name in fsc:
            axes.plot(frequency, fsc[name], color=look.color, linestyle=look.linestyle, label=label)
    for threshold in _THRESHOLDS:
        axes.axhline(threshold, color="#8C8C8C", linewidth=0.6)
        axes.text(0, threshold, f"{threshold:g}", va="bottom", color="#5A5A5A", fontsize=7)
    ticks = frequency[::2]
    axes.set_xticks(ticks, [f"{1 / value:.0f}" for value in ticks])
    axes.set(xlabel="resolution (angstrom)", ylabel="Fourier shell correlation", ylim=(-0.2, 1.05))
    axes.set_xlim(0, frequency.max())
    axes.legend(loc="upper right")
