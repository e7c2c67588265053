"""Carbon: a film of amorphous carbon that ends at the edge of a hole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from ssn3d.specimen.obstacle import Points, draw_planes, window_of_plane
from ssn3d.specimen.volume import Drawing, Grid
from ssn3d.structures.scattering import CARBON, protein_dalton_per_nm3


@dataclass(frozen=True)
class Carbon:
    """A placed film; an `Obstacle`."""

    centre: Points
    """(3,) point of the edge, in the middle of the film, in voxels."""
    normal: Points
    """(3,) unit vector across the film."""
    outwards: Points
    """(3,) unit vector along the film, from the hole into the film."""
    size_angstrom: float
    """Thickness."""
    hole_radius: float
    """In voxels; infinite: a straight edge."""
    tomogram: Points
    """(3,) size of the tomogram in voxels."""
    grid: Grid
    kind: str = "carbon"

    @property
    def _half(self) -> float:
        """Half of the thickness in voxels."""
        return self.size_angstrom / self.grid.voxel_size_angstrom / 2

    def _beyond_edge(self, offsets: Points) -> Points:
        """Distance (...) from the edge into the film, of offsets (..., 3) from the centre."""
        kind = offsets.dtype.type
        outwards = self.outwards.astype(offsets.dtype)
        if np.isinf(self.hole_radius):
            return np.asarray(offsets @ outwards)
        radius, normal = kind(self.hole_radius), self.normal.astype(offsets.dtype)
        from_hole = offsets + radius * outwards
        along = from_hole - (from_hole @ normal)[..., None] * normal
        return np.asarray(np.linalg.norm(along, axis=-1) - radius)

    def exclusion_spheres(self) -> tuple[Points, float]:
        """Spheres along the film, dense enough to cover it, in and around the tomogram."""
        radius = max(1.15 * self._half, 3.0)
        spacing = np.sqrt(2 * (radius**2 - self._half**2))
        reach = float(np.linalg.norm(self.tomogram))
        ticks = np.arange(-reach, reach, spacing)
        u, v = np.meshgrid(ticks, ticks, indexing="ij")
        along = np.cross(self.normal, self.outwards)
        offsets = (u[..., None] * self.outwards + v[..., None] * along).reshape(-1, 3)
        offsets = offsets[self._beyond_edge(offsets) >= 0]
        points = offsets + self.centre
        near = ((points > -2 * radius) & (points < self.tomogram + 2 * radius)).all(axis=1)
        return points[near], radius

    bounding_spheres = exclusion_spheres

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:  # noqa: ARG002
        """Draw the film; its mask is the film without the blur."""
        sigma = np.float32(np.sqrt(2) * self.grid.sigma_voxels)
        away = self._half + self.grid.margin_voxels
        box = window_of_plane(self.centre, self.normal, away, shape)
        if box is None:
            return None
        normal, half = self.normal.astype(np.float32), np.float32(self._half)

        def draw_plane(
            plane: NDArray[np.float32], inside: NDArray[np.bool_], offsets: NDArray[np.float32]
        ) -> None:
            height = offsets @ normal
            near = np.abs(height) < away
            height, beyond = height[near], self._beyond_edge(offsets[near])
            across = (erf((half - height) / sigma) + erf((half + height) / sigma)) / 2
            plane[near] = across * (1 + erf(beyond / sigma)) / 2
            inside[near] = (np.abs(height) <= half) & (beyond >= 0)

        density, mask = draw_planes(draw_plane, box, self.centre, np.float32, np.bool_)
        density *= np.float32(protein_dalton_per_nm3(CARBON))
        return Drawing(box[0], density, mask)
