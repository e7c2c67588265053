"""Density maps (MRC files) in place of coordinates, as points of mass.

Voxels at and above a threshold have mass in proportion to their values. Each block of 4 A, about a
residue, becomes one point; mass and centre of mass are exact. The map's own resolution adds to that
of the specimen.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError, StructureError
from ssn3d.io.mrc import read_mrc
from ssn3d.io.volumes import open_volume
from ssn3d.structures.settings import MapSettings, StructuresSettings
from ssn3d.structures.structure import Structure, structure_from_points
from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

_POINT_ANGSTROM = 4.0
_COARSEST_ANGSTROM = 20.0
_MOST_OF_BOX = 0.5  # filled by a structure; more is a threshold in the noise, or inverted contrast


def map_files(settings: StructuresSettings) -> list[str]:
    """List the map files. Raises StructureError if one does not exist."""
    for place, row in enumerate(settings.maps):
        if not Path(row.file).is_file():
            raise StructureError(f"{row.file}: no such file; correct structures.maps.{place}.file")
    return [row.file for row in settings.maps]


def map_structure(row: MapSettings) -> Structure:
    """Read a map as points of mass about their centre.

    Raises StructureError if the file is damaged, its voxels are not cubes or too large, or nothing
    or too much is above the threshold.
    """
    density, voxel_size = _read(row.file)
    above = np.argwhere(density >= row.threshold)
    if len(above) == 0:
        raise StructureError(
            f"{row.file}: no voxel reaches the threshold {row.threshold:g}, the largest is "
            f"{density.max():g}; lower it in structures.maps"
        )
    if len(above) > _MOST_OF_BOX * density.size:
        raise StructureError(
            f"{row.file}: {len(above) / density.size:.0%} of the voxels reach the threshold "
            f"{row.threshold:g}; raise it in structures.maps, or invert a map with dark protein"
        )
    points, values = _merged(above, density[tuple(above.T)].astype(float), voxel_size)
    mass = row.mass_dalton or len(above) * voxel_size**3 / PROTEIN_ANGSTROM3_PER_DALTON
    try:
        return structure_from_points(
            row.id, points * voxel_size, values * mass / values.sum(), "map"
        )
    except StructureError as error:
        raise StructureError(f"{row.file}: {error}") from error


def _read(path: str) -> tuple[NDArray[np.float32], float]:
    """Read a map (z, y, x) and its voxel size in angstrom. Raises StructureError."""
    try:
        density, voxel_size = read_mrc(path)
        sizes = open_volume(path, stacks=True).edges_angstrom
    except DataError as error:
        reason = str(error).rpartition(";")[0] or error
        raise StructureError(f"{reason}; name another file in structures.maps") from error
    if not np.allclose(sizes, voxel_size, rtol=1e-3) or voxel_size > _COARSEST_ANGSTROM:
        raise StructureError(
            f"{path}: its voxels are {sizes} angstrom; they must be cubes of at most "
            f"{_COARSEST_ANGSTROM:g}"
        )
    return density, voxel_size


def _merged(
    voxels: NDArray[np.int_], values: NDArray[np.float64], voxel_size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (m, 3), in voxels, and sums (m,) of values (n,) at voxels (n, 3), block by block."""
    edge = max(1, int(_POINT_ANGSTROM / voxel_size))
    blocks = voxels // edge
    _, block = np.unique(
        np.ravel_multi_index(blocks.T, blocks.max(axis=0) + 1), return_inverse=True
    )
    sums = np.asarray(np.bincount(block, values), dtype=np.float64)
    centres = [np.bincount(block, values * axis) / sums for axis in voxels.T]
    return np.stack(centres, axis=1), sums
