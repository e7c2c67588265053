"""Figure 4: a complex as a surface, and what the microscope makes of it at each SNR."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ssn3d.report.panels import PLANES, add_isosurface, central_slice, draw_slice
from ssn3d.report.style import new_figure, styled
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import read_structure


def structure_map(
    structure_npz: str | os.PathLike[str], voxel_size_angstrom: float, resolution_angstrom: float
) -> NDArray[np.float32]:
    """Density of one structure in dalton per nm^3, a cube with its centre of mass in the middle.

    Raises:
        StructureError: the file is missing or damaged.
    """
    structure = read_structure(structure_npz)
    return density_map(
        structure.points_angstrom,
        structure.masses_dalton,
        voxel_size_angstrom,
        resolution_angstrom,
    )


@styled
def complex_at_each_snr(
    pdb_id: str,
    density: NDArray[np.float32],
    *,
    level: float,
    density_voxel_size_angstrom: float,
    images: Mapping[str, NDArray[Any]],
    voxel_size_angstrom: float,
) -> Figure:
    """Draw Fig. 4: the isosurface, and beside it central slices of one subtomogram a dataset.

    Args:
        pdb_id: the complex.
        density: its map (z, y, x), as of `structure_map`.
        level: of the surface, in the units of `density`.
        density_voxel_size_angstrom: of `density`.
        images: subtomograms (s, s, s) by title, such as "A, SNR 0.5"; protein is dark.
        voxel_size_angstrom: of the images.
    """
    rows = len(images)
    figure = new_figure(max(2.6, 1.75 * rows + 0.3))
    grid = figure.add_gridspec(rows, 4, width_ratios=[1.7, 1, 1, 1])
    axes = add_isosurface(
        figure, grid[:, 0], density, level=level, voxel_size_angstrom=density_voxel_size_angstrom
    )
    edge_nm = len(density) * density_voxel_size_angstrom / 10
    axes.set_title(f"{pdb_id}, surface at {level:g} Da/nm$^3$\nin a cube of {edge_nm:.0f} nm")
    for row, (title, image) in enumerate(images.items()):
        limits = tuple(np.percentile(image.astype(np.float32), [0.5, 99.5]))
        for column, plane in enumerate(PLANES, start=1):
            panel = figure.add_subplot(grid[row, column])
            draw_slice(panel, central_slice(image, plane), plane, voxel_size_angstrom, limits)
            if column == 2:  # noqa: PLR2004 -- over the middle one of three
                panel.set_title(title)
    return figure
