"""The bounding sphere of a density map: the smallest around its voxels above a threshold."""

import itertools

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_ROUNDING = 1e-9  # by which a point may lie outside, relative to the radius
_MOST_ON_SURFACE = 4  # points of the surface suffice to fix a sphere


def bounding_sphere(
    density: NDArray[np.float32], threshold_fraction: float
) -> tuple[Points, float]:
    """Find the smallest sphere that holds the centres of all voxels above a threshold.

    This is the excluded volume of the paper's simulator. Radii published for the same entries are
    those of voxel centres: half a voxel's edge more fits them less.

    Args:
        density: (z, y, x), the origin of the structure at index shape // 2.
        threshold_fraction: of the map's maximum.

    Returns:
        centre (3,), z, y, x, from the origin of the structure, and radius, both in voxels.
    """
    above = np.argwhere(density > threshold_fraction * density.max())
    return smallest_sphere(above - np.array(density.shape) // 2)


def smallest_sphere(points: NDArray[np.int_] | Points) -> tuple[Points, float]:
    """Find the smallest sphere around points (n, 3): centre (3,) and radius.

    Exact: as long as a point lies outside the sphere of a few, the farthest joins the few, and
    those that do not fix their smallest sphere leave. It grows with every step, so this ends
    (Gaertner 1999, Proc. 7th European Symposium on Algorithms, 325).
    """
    points = np.asarray(points, dtype=np.float64)
    few, centre, radius = points[:1], points[0], 0.0
    while True:
        distances = np.linalg.norm(points - centre, axis=1)
        farthest = distances.argmax()
        if distances[farthest] <= radius * (1 + _ROUNDING):
            return centre, radius
        few, centre, radius = _sphere_of_few(np.vstack([few, points[farthest]]))


def _sphere_of_few(points: Points) -> tuple[Points, Points, float]:
    """Find the smallest sphere around at most five points, and those of them (m, 3) that fix it.

    It is the smallest that has some of them on its surface, its centre in their flat, and holds
    the others.
    """
    found = []
    for count in range(1, min(len(points), _MOST_ON_SURFACE) + 1):
        for chosen in itertools.combinations(points, count):
            surface = np.array(chosen)
            spokes = surface[1:] - surface[0]
            offset = np.linalg.lstsq(2 * spokes, (spokes**2).sum(axis=1))[0]
            centre = surface[0] + offset
            radius = float(np.linalg.norm(surface - centre, axis=1).min())
            if np.linalg.norm(points - centre, axis=1).max() <= radius * (1 + _ROUNDING):
                found.append((surface, centre, radius))
    return min(found, key=lambda sphere: sphere[2])
