"""Averages of particles: central slices, surfaces, and the Fourier shell correlation."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from ssn3d.averaging.boxes import fit_map
from ssn3d.averaging.fsc import filtered
from ssn3d.averaging.masks import soft_sphere
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import read_mrc
from ssn3d.io.tables import read_csv
from ssn3d.recovery.settings import AverageSettings
from ssn3d.report.figures.panels import add_central_slices, add_isosurface
from ssn3d.report.figures.style import SERIES, new_figure, save, styled

_CURVES = {"half_maps": "between half maps", "truth": "with the true map"}
_THRESHOLDS = (0.143, 0.5)
_OUTLIERS_PERCENT = 0.2


def draw_recovered_average(
    folder: PathLike, settings: AverageSettings, *, figure: PathLike, truth: PathLike | None = None
) -> None:
    """Draw an average of `recovery.average` from its folder; `truth` is the true map, bright."""
    volume, voxel_angstrom = read_mrc(Path(folder) / "average.mrc")
    columns = ["resolution_angstrom", "half_maps", "shared", *(["truth"] if truth else [])]
    fsc = read_csv(Path(folder) / "fsc.csv", dict.fromkeys(columns, float))
    count = len(read_csv(Path(folder) / "particles.csv", {"row": int}))
    sphere = soft_sphere(len(volume), settings.diameter_angstrom / 2 / voxel_angstrom)
    agreed = np.append(1.0, fsc["half_maps"].clip(0, 1))
    surfaces = {"surface": filtered(-volume * sphere, agreed)}
    if truth is not None:
        surfaces["true map"] = fit_map(read_mrc(truth)[0], len(volume)) * sphere
    title = f"{count} particles, symmetry {settings.symmetry}"
    save(average_figure(volume, voxel_angstrom, fsc, title, surfaces), figure)


@styled
def reason_figure(reason: str) -> Figure:
    """Show the reason why there is no average."""
    figure = new_figure(1.0)
    figure.text(0.5, 0.5, reason, ha="center", va="center", wrap=True)
    return figure


@styled
def average_figure(
    volume: NDArray[np.float32],
    voxel_size_angstrom: float,
    fsc: pd.DataFrame,
    title: str = "",
    surfaces: Mapping[str, NDArray[np.float32]] | None = None,
) -> Figure:
    """Draw three central slices of an average (s, s, s), up to two surfaces, and the FSC.

    Protein is dark in the average, and bright in the surfaces, maps (s, s, s) by title. The FSC has
    the columns resolution_angstrom, half_maps, possibly truth, and shared: 1 in shells in which
    averages of noise agree as well, which are shaded.
    """
    if surfaces:
        figure = new_figure(4.2)
        figure.suptitle(title, fontsize=9)
        grid = figure.add_gridspec(2, 5, height_ratios=[1, 1.5])
    else:
        figure = new_figure(4.6)
        grid = figure.add_gridspec(2, 3)
    add_central_slices(figure, grid[0, :3], volume, voxel_size_angstrom, _OUTLIERS_PERCENT)
    for column, (name, surface) in enumerate((surfaces or {}).items(), start=3):
        level = threshold_otsu(surface)  # type: ignore[no-untyped-call]
        add_isosurface(
            figure, grid[0, column], surface, level=level, voxel_size_angstrom=voxel_size_angstrom
        ).set_title(name)
    _draw_fsc(figure.add_subplot(grid[1, :]), fsc)
    return figure


def _draw_fsc(axes: Axes, fsc: pd.DataFrame) -> None:
    """Draw the curves of an FSC over resolution; the table as for `average_figure`."""
    frequency = 1 / fsc["resolution_angstrom"]
    shared = frequency[fsc["shared"] == 1].max()
    axes.axvspan(0, shared, color="#EEEEEE", label="same reference for both")
    for (name, label), look in zip(_CURVES.items(), SERIES, strict=False):
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
