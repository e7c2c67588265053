"""Cubes around particles: their corners, and cropping them from a volume."""

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
