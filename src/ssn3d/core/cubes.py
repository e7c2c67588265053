"""Cubes around particles: corners, cutting out, standardisation."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


def nearest_voxels(centres: NDArray[np.float64]) -> NDArray[np.int_]:
    """Voxels (n, 3) nearest to centres (n, 3); they become the middles of cubes."""
    return np.rint(centres).astype(int)


def crop_corners(centres: NDArray[np.float64], size: int) -> NDArray[np.int_]:
    """First voxels (n, 3) of cubes with voxel size // 2 nearest to each centre (n, 3)."""
    return nearest_voxels(centres) - size // 2


def lies_inside(
    centres: NDArray[np.float64], size: int, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """True for each cube (n,) that lies inside a volume of this shape."""
    corners = crop_corners(centres, size)
    inside = (corners >= 0) & (corners + size <= np.array(shape))
    return np.asarray(inside.all(axis=1))


def crop(volume: NDArray[Scalar], corner: NDArray[np.int_], size: int) -> NDArray[Scalar]:
    """Crop a cube from a volume, as a view."""
    z, y, x = corner
    return volume[z : z + size, y : y + size, x : x + size]


def standardise(cube: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift and scale a cube to mean 0 and standard deviation 1; all 0 if it is constant.

    NaN marks voxels without data, which do not count and become 0.
    """
    data = np.isfinite(cube)
    known = cube[data]
    spread = known.std(dtype=np.float64) if known.size else 0.0
    if not spread > 0:
        return np.zeros_like(cube)
    scaled = (cube - known.mean(dtype=np.float64)) / spread
    return np.where(data, scaled, 0).astype(np.float32)
