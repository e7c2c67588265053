"""The density of a specimen, a sum of posed particles, and its instance labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.log import progress
from ssn3d.core.parallel import parallel_results
from ssn3d.core.particles import Particles
from ssn3d.structures.maps import blur, blur_margin_voxels, sigma_voxels, splat

PointMasses = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Points (n, 3) in angstrom, z, y, x, about their centre of mass; and masses (n,) in dalton."""


@dataclass(frozen=True)
class Grid:
    """Voxel size and resolution at which structures are drawn."""

    voxel_size_angstrom: float
    resolution_angstrom: float

    @property
    def sigma_voxels(self) -> float:
        """Standard deviation of the blur along one axis."""
        return sigma_voxels(self.resolution_angstrom, self.voxel_size_angstrom)

    @property
    def margin_voxels(self) -> int:
        """Voxels that the blur reaches beyond the points."""
        return blur_margin_voxels(self.sigma_voxels)


@one_blas_thread()
def posed_map(
    structure: PointMasses, centre: NDArray[np.float64], rotation: NDArray[np.float64], grid: Grid
) -> tuple[NDArray[np.int_], NDArray[np.float32]]:
    """Density map of a structure at a pose, drawn from its points, so that no map is interpolated.

    Returns the voxel (3,) of the map's first voxel, and the map, a cube in dalton per nm^3.
    """
    points_angstrom, masses_dalton = structure
    points = points_angstrom @ (rotation.T / grid.voxel_size_angstrom).astype(np.float32)
    half = int(np.ceil(np.abs(points).max())) + grid.margin_voxels
    corner = np.floor(centre).astype(int) - half
    points += (centre - corner).astype(np.float32)
    density = blur(splat(points, masses_dalton, 2 * half + 2), grid.sigma_voxels)
    return corner, density / np.float32((grid.voxel_size_angstrom / 10) ** 3)


@dataclass(frozen=True)
class Drawing:
    """The density of one object, or the part of it within the tomogram."""

    corner: NDArray[np.int_]
    """(3,) voxel of the tomogram at the first voxel of the density."""
    density: NDArray[np.float32]
    """(z, y, x) in dalton per nm^3."""
    mask: NDArray[np.bool_]
    """(z, y, x) voxels that belong to the object."""


Slices = tuple[slice, ...]


def overlap(
    corner: NDArray[np.int_], size: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[Slices, Slices] | None:
    """Slices of a volume, and of a box with its first voxel at `corner`, where they overlap."""
    low = np.maximum(corner, 0)
    high = np.minimum(corner + size, shape)
    if (high <= low).any():
        return None
    there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return there, tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))


def add(
    density: NDArray[np.float32], labels: NDArray[np.uint16], drawn: Drawing, label: int
) -> None:
    """Add an object to a density, and label the voxels of its mask, both in place.

    A voxel labelled before changes its label if the object's density exceeds the sum of the others.
    """
    parts = overlap(drawn.corner, drawn.density.shape, density.shape)
    if parts is None:
        return
    others, region = density[parts[0]], labels[parts[0]]
    own, mask = drawn.density[parts[1]], drawn.mask[parts[1]]
    region[mask & ((region == 0) | (own > others))] = label
    others += own


@one_blas_thread()
def render(
    structures: Mapping[str, PointMasses],
    particles: Particles,
    shape: tuple[int, int, int],
    grid: Grid,
    mask_threshold_dalton_per_nm3: float,
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Draw all particles, and label the voxels where their own density exceeds the threshold.

    Returns the density (z, y, x) in dalton per nm^3, and labels: i + 1 for row i of the particles.
    """
    density = np.zeros(shape, dtype=np.float32)
    labels = np.zeros(shape, dtype=np.uint16)

    def draw(i: int) -> Drawing:
        structure = structures[str(particles.pdb_ids[i])]
        corner, own = posed_map(structure, particles.centres[i], particles.rotations[i], grid)
        return Drawing(corner, own, own > mask_threshold_dalton_per_nm3)

    drawings = parallel_results(draw, range(len(particles)))
    for i, drawn in enumerate(progress(drawings, "particles", len(particles))):
        add(density, labels, drawn, i + 1)
    return density, labels
