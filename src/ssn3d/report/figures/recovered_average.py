"""An average of recovered particles: slices, its surface, and its Fourier shell correlation."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
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
from ssn3d.report.figures.average import draw_fsc
from ssn3d.report.figures.panels import PLANES, add_isosurface, central_slice, draw_slice
from ssn3d.report.figures.style import new_figure, save, styled

_FSC = {"resolution_angstrom": float, "half_maps": float, "shared": int}


def draw_recovered_average(
    folder: PathLike, settings: AverageSettings, *, figure: PathLike, truth: PathLike | None = None
) -> None:
    """Draw what `recovery.average` wrote to a folder; `truth` is the true map, protein bright."""
    volume, voxel_angstrom = read_mrc(Path(folder) / "average.mrc")
    columns = _FSC if truth is None else _FSC | {"truth": float}
    fsc = read_csv(Path(folder) / "fsc.csv", columns)
    count = len(read_csv(Path(folder) / "particles.csv", {"pick": int}))
    sphere = soft_sphere(len(volume), settings.diameter_angstrom / 2 / voxel_angstrom)
    agreed = np.append(1.0, fsc["half_maps"].clip(0, 1))
    surfaces = {"surface": filtered(-volume * sphere, agreed)}
    if truth is not None:
        surfaces["true map"] = fit_map(read_mrc(truth)[0], len(volume)) * sphere
    title = f"{count} particles, symmetry {settings.symmetry}"
    save(recovered_average(title, volume, voxel_angstrom, surfaces, fsc), figure)


@styled
def recovered_average(
    title: str,
    volume: NDArray[np.float32],
    voxel_size_angstrom: float,
    surfaces: Mapping[str, NDArray[np.float32]],
    fsc: pd.DataFrame,
) -> Figure:
    """Draw three central slices of an average, surfaces, and the FSC.

    Args:
        title: of the picture.
        volume: the average (s, s, s); protein is dark.
        voxel_size_angstrom: of it.
        surfaces: maps (s, s, s) by title, one or two; protein is bright.
        fsc: as for `draw_average`.
    """
    figure = new_figure(4.2)
    figure.suptitle(title, fontsize=9)
    grid = figure.add_gridspec(2, 5, height_ratios=[1, 1.5])
    limits = tuple(np.percentile(volume, [0.2, 99.8]))
    for column, plane in enumerate(PLANES):
        panel = figure.add_subplot(grid[0, column])
        draw_slice(panel, central_slice(volume, plane), plane, voxel_size_angstrom, limits)
    for column, (name, surface) in enumerate(surfaces.items(), start=3):
        level = threshold_otsu(surface)  # type: ignore[no-untyped-call]
        cell = grid[0, column]
        panel = add_isosurface(
            figure, cell, surface, level=level, voxel_size_angstrom=voxel_size_angstrom
        )
        panel.set_title(name)
    draw_fsc(figure.add_subplot(grid[1, :]), fsc)
    return figure
