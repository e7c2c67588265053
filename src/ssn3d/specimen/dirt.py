"""Dirt: compact lumps with facets, such as crystals of ice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from ssn3d.specimen.obstacle import Points, draw_planes, window
from ssn3d.specimen.vesicle import Shape, draw_shape
from ssn3d.specimen.volume import Drawing, Grid

_FACETS = 8
_FACET_DEPTHS = (0.65, 1.0)  # distance of facets from the centre, relative to the radius
_DEFORMATION = 0.15
_MIDDLE = 1e-3  # voxels from the centre, where no direction is defined


@dataclass(frozen=True)
class Lump:
    """A deformed ball, cut by planes; lengths in voxels."""

    shape: Shape
    normals: Points
    """(k, 3) of the facets."""
    depths: Points
    """(k,) distances of the facets from the centre."""

    def distance(self, points: Points, reach: float) -> Points:
        """Distance (n,) of points (n, 3) from the surface, negative inside; rough above `reach`."""
        away = self.shape.distance(points, reach)
        for normal, depth in zip(
            self.normals.astype(points.dtype), self.depths.astype(points.dtype), strict=True
        ):
            np.maximum(away, points @ normal - depth, out=away)
        return away


def draw_lump(radius: float, rng: np.random.Generator) -> Lump:
    """Draw a lump of a mean radius."""
    shape = draw_shape(radius, _DEFORMATION, rng)
    normals = rng.normal(size=(_FACETS, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Lump(shape, normals, radius * rng.uniform(*_FACET_DEPTHS, size=_FACETS))


@dataclass(frozen=True)
class Dirt:
    """A placed lump; an `Obstacle`."""

    centre: Points
    """(3,) in voxels."""
    lump: Lump
    contrast_dalton_per_nm3: float
    grid: Grid
    kind: str = "dirt"

    @property
    def size_angstrom(self) -> float:
        """Mean diameter, facets aside."""
        return 2 * self.lump.shape.radius * self.grid.voxel_size_angstrom

    def bounding_spheres(self) -> tuple[Points, float]:
        """One sphere."""
        return self.centre[None], self.lump.shape.extent[1]

    exclusion_spheres = bounding_spheres

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:  # noqa: ARG002
        """Draw the lump; its mask is the lump without the blur."""
        margin = float(self.grid.margin_voxels)
        outer = self.lump.shape.extent[1] + margin
        box = window(self.centre - outer, self.centre + outer, shape)
        if box is None:
            return None

        def draw_plane(
            plane: NDArray[np.float32], inside: NDArray[np.bool_], offsets: NDArray[np.float32]
        ) -> None:
            away = np.linalg.norm(offsets, axis=-1)
            near = (away > _MIDDLE) & (away < outer)
            depth = self.lump.distance(offsets[near], margin)
            plane[near] = (1 - erf(depth / (np.sqrt(2) * self.grid.sigma_voxels))) / 2
            inside[near] = depth <= 0
            plane[away <= _MIDDLE], inside[away <= _MIDDLE] = 1, True

        density, mask = draw_planes(draw_plane, box, self.centre, np.float32, np.bool_)
        density *= np.float32(self.contrast_dalton_per_nm3)
        return Drawing(box[0], density, mask)
