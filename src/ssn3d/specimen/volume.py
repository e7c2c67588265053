"""The volume, a sum of particles at their poses; and its ground truth, the instance labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.log import progress
from ssn3d.particles import Particles
from ssn3d.structures.maps import blur, blur_margin_voxels, sigma_voxels, splat

Points = tuple[NDArray[np.float32], NDArray[np.float32]]
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


def posed_map(
    structure: Points, centre: NDArray[np.float64], rotation: NDArray[np.float64], grid: Grid
) -> tuple[NDArray[np.int_], NDArray[np.float32]]:
    """Map of a structure at a pose, drawn from its points, so that no map is interpolated.

    Returns:
        the voxel (3,) at which the map's first voxel lies, and the map, a cube in dalton per nm^3.
    """
    points_angstrom, masses_dalton = structure
    points = points_angstrom @ (rotation.T / grid.voxel_size_angstrom).astype(np.float32)
    half = int(np.ceil(np.abs(points).max())) + grid.margin_voxels
    corner = np.floor(centre).astype(int) - half
    points += (centre - corner).astype(np.float32)
    density = blur(splat(points, masses_dalton, 2 * half + 2), grid.sigma_voxels)
    return corner, density / np.float32((grid.voxel_size_angstrom / 10) ** 3)


def render(
    structures: Mapping[str, Points],
    particles: Particles,
    shape: tuple[int, int, int],
    grid: Grid,
    mask_threshold_dalton_per_nm3: float,
) -> tuple[NDArray[np.float32], NDArray[np.uint16]]:
    """Draw all particles, and label the voxels of each.

    A voxel belongs to the particle whose own density there is above the threshold. A particle takes
    a voxel from those drawn before it where its density exceeds the sum of theirs.

    Returns:
        density (z, y, x) in dalton per nm^3, and labels: i + 1 for row i of the particles, else 0.
    """
    density = np.zeros(shape, dtype=np.float32)
    labels = np.zeros(shape, dtype=np.uint16)
    for i in progress(range(len(particles)), "particles"):
        pdb_id = str(particles.pdb_ids[i])
        corner, own = posed_map(
            structures[pdb_id], particles.centres[i], particles.rotations[i], grid
        )
        low = np.maximum(corner, 0)
        high = np.minimum(corner + len(own), shape)
        if (high <= low).any():
            continue
        there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        own = own[tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))]
        others = density[there]
        region = labels[there]
        region[(own > mask_threshold_dalton_per_nm3) & ((region == 0) | (own > others))] = i + 1
        others += own
    return density, labels
