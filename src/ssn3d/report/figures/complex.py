"""Figure 4: surface of a complex, and a subtomogram of it at each SNR."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.report.figures.panels import add_central_slices, add_isosurface
from ssn3d.report.figures.style import new_figure, save, styled
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import read_structure
from ssn3d.subtomograms.store import open_shard

_MAP_VOXEL_ANGSTROM = 5.0  # finer than the tomogram's, so that the surface is smooth
_OUTLIERS_PERCENT = 0.5


def draw_complex(
    pdb_id: str,
    structure: PathLike,
    shards: Sequence[PathLike],
    level_dalton_per_nm3: float,
    resolution_angstrom: float,
    *,
    figure: PathLike,
) -> None:
    """Draw Figure 4: a complex's surface, and its first subtomogram in one shard of each dataset.

    Raises DataError if a shard has no subtomogram of the complex.
    """
    atoms = read_structure(structure)
    density = density_map(
        atoms.points_angstrom, atoms.masses_dalton, _MAP_VOXEL_ANGSTROM, resolution_angstrom
    )
    images = {}
    voxel_size = np.nan
    for path in shards:
        shard = open_shard(path)
        pdb_ids, origin = shard.particles.pdb_ids, shard.origin
        rows = np.flatnonzero(pdb_ids == pdb_id)
        if not len(rows):
            raise DataError(
                f"figures.complex_id: {path} has no subtomogram of {pdb_id}; name a structure that "
                f"it has, such as {pdb_ids[0]}"
            )
        (image,), _ = shard.read(rows[:1])
        images[f"{origin.dataset}, SNR {origin.snr_asked:g}"] = image
        voxel_size = origin.voxel_size_angstrom
    drawn = complex_at_each_snr(
        pdb_id,
        density,
        level=level_dalton_per_nm3,
        density_voxel_size_angstrom=_MAP_VOXEL_ANGSTROM,
        images=images,
        voxel_size_angstrom=voxel_size,
    )
    save(drawn, figure)


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
    """Draw the isosurface, and beside it central slices of one subtomogram per dataset.

    The map (z, y, x) and the level of its surface are in dalton per nm^3. Subtomograms (s, s, s)
    are by title, such as "A, SNR 0.5"; protein is dark in them.
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
        place = grid[row, 1:]
        panels = add_central_slices(figure, place, image, voxel_size_angstrom, _OUTLIERS_PERCENT)
        panels[1].set_title(title)  # above the middle one of three
    return figure
