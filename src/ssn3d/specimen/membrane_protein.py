"""Membrane proteins: structures of the specimen, set into its membranes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ssn3d.core.errors import PlacementError
from ssn3d.core.ranges import draw
from ssn3d.specimen.free_space import FreeSpace
from ssn3d.specimen.ice import Slab
from ssn3d.specimen.obstacle import Obstacle, Points
from ssn3d.specimen.placement import Cells
from ssn3d.specimen.settings import MembraneProteinsSettings
from ssn3d.specimen.sheet import Sheet
from ssn3d.specimen.vesicle import Vesicle
from ssn3d.specimen.volume import Drawing, Grid, PointMasses, posed_map

_FARTHEST_ANGSTROM = 60.0  # centre of mass from the middle of the bilayer

Spheres = Mapping[str, tuple[Points, float]]
"""Bounding sphere of each structure: centre (3,) and radius, in voxels."""


@dataclass(frozen=True)
class MembraneProtein:
    """A placed membrane protein; an `Obstacle`."""

    centre: Points
    """(3,) in voxels, as of a particle."""
    rotation: Points
    """(3, 3)"""
    structure: PointMasses
    sphere: tuple[Points, float]
    """Bounding sphere of the structure, in voxels."""
    grid: Grid
    kind: str = "membrane protein"

    @property
    def size_angstrom(self) -> float:
        """Diameter of the bounding sphere."""
        return 2 * self.sphere[1] * self.grid.voxel_size_angstrom

    def bounding_spheres(self) -> tuple[Points, float]:
        """One sphere."""
        return (self.centre + self.rotation @ self.sphere[0])[None], self.sphere[1]

    exclusion_spheres = bounding_spheres

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:  # noqa: ARG002
        """Draw the protein; the mask is the voxels above the threshold."""
        corner, density = posed_map(self.structure, self.centre, self.rotation, self.grid)
        return Drawing(corner, density, density > threshold_dalton_per_nm3)


def place_membrane_proteins(
    settings: MembraneProteinsSettings,
    obstacles: Sequence[Obstacle],
    structures: Mapping[str, PointMasses],
    spheres: Spheres,
    *,
    tomogram: Points,
    slab: Slab | None,
    grid: Grid,
    rng: np.random.Generator,
) -> tuple[list[MembraneProtein], float]:
    """Set structures at random into all membranes; also return the density drawn, per um^2.

    A protein that would overlap another, or an obstacle that is no membrane, is left out, as are
    those beyond the borders of the tomogram, (3,) in voxels.

    Raises PlacementError if all structures are too heavy.
    """
    light = [i for i, (_, masses) in structures.items() if masses.sum() <= settings.largest_dalton]
    if not light:
        raise PlacementError(
            "specimen.membrane_proteins.largest_dalton: no structure is as light as "
            f"{settings.largest_dalton:g} Da; raise it, or add a smaller structure"
        )
    density_per_um2 = draw(settings.density_per_um2, rng)
    density = density_per_um2 * (grid.voxel_size_angstrom / 1e4) ** 2
    farthest = _FARTHEST_ANGSTROM / grid.voxel_size_angstrom
    free_space = FreeSpace(slab)
    for obstacle in obstacles:
        if not isinstance(obstacle, Sheet | Vesicle):
            free_space.block(*obstacle.exclusion_spheres())
    tried: list[MembraneProtein] = []
    for membrane in obstacles:
        if isinstance(membrane, Sheet | Vesicle):
            points, normals = membrane.random_points(density, rng)
            points += rng.uniform(-farthest, farthest, size=(len(points), 1)) * normals
            rotations = Rotation.random(len(points), rng=rng).as_matrix()
            for point, rotation in zip(points, rotations, strict=True):
                i = light[rng.integers(len(light))]
                tried.append(MembraneProtein(point, rotation, structures[i], spheres[i], grid))
    return _without_overlap(tried, free_space, tomogram), density_per_um2


def _without_overlap(
    proteins: Sequence[MembraneProtein], free_space: FreeSpace, tomogram: Points
) -> list[MembraneProtein]:
    """Keep proteins that reach into the tomogram, in the free space, each clear of those before."""
    kept: list[MembraneProtein] = []
    cells = Cells(2 * max((protein.sphere[1] for protein in proteins), default=1.0))
    for protein in proteins:
        (middle,), radius = protein.bounding_spheres()
        reaches = ((middle > -radius) & (middle < tomogram + radius)).all()
        z, y, x = middle.tolist()
        if reaches and cells.is_free(z, y, x, radius) and free_space.is_free(middle[None], radius):
            cells.add(z, y, x, radius)
            kept.append(protein)
    return kept
