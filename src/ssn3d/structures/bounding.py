"""The bounding sphere of a density map: the smallest around the voxels above a threshold."""

import itertools

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_ROUNDING = 1e-9  # relative distance by which a point may lie outside
_LEAST_RADIUS = 0.5  # of a structure in one voxel
_MOST_ON_SURFACE = 4  # points on the surface suffice to determine a sphere


def bounding_sphere(
    density: NDArray[np.float32], threshold_fraction: float
) -> tuple[Points, float]:
    """Find the smallest sphere around the centres of all voxels above a fraction of the maximum.

    This is the excluded volume of the paper's simulator, whose published radii are to voxel
    centres; half a voxel more fits them less well. The origin of the structure is at index shape //
    2.

    Returns the centre (3,), z, y, x, relative to that origin, and the radius, both in voxels.
    """
    above = np.argwhere(density > threshold_fraction * density.max())
    centre, radius = smallest_sphere(above - np.array(density.shape) // 2)
    return centre, max(radius, _LEAST_RADIUS)


def smallest_sphere(points: NDArray[np.int_] | Points) -> tuple[Points, float]:
    """Find the smallest sphere around points (n, 3): centre (3,) and radius.

    Exact: while a point lies outside the smallest sphere of a few points, the farthest one joins
    them, and those that do not determine the new sphere leave. The sphere grows with every step, so
    this terminates (Gaertner 1999, Proc. 7th European Symposium on Algorithms, 325).
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
    """Find the smallest sphere around at most five points, and the points (m, 3) that determine it.

    It is the smallest sphere that has some of them on its surface, its centre in the flat that they
    span, and contains the others. The last point, outside of the sphere of the others, is on it.
    """
    found = []
    for others in range(min(len(points), _MOST_ON_SURFACE)):
        for chosen in itertools.combinations(points[:-1], others):
            surface = np.array([*chosen, points[-1]])
            spokes = surface[1:] - surface[0]
            offset = np.linalg.lstsq(2 * spokes, (spokes**2).sum(axis=1))[0]
            centre = surface[0] + offset
            radius = float(np.linalg.norm(surface - centre, axis=1).min())
            if np.linalg.norm(points - centre, axis=1).max() <= radius * (1 + _ROUNDING):
                found.append((surface, centre, radius))
    return min(found, key=lambda sphere: sphere[2])
