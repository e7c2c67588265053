"""The interface of background objects: extent and density of one object."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.parallel import parallel_results
from ssn3d.specimen.volume import Drawing

Points = NDArray[np.float64]
_PARALLEL = 1e-6  # part of a plane's normal along an axis to which the plane is parallel


class Obstacle(Protocol):
    """A placed background object; lengths are in voxels of the tomogram, (z, y, x)."""

    @property
    def kind(self) -> str:
        """Class of the object."""

    @property
    def centre(self) -> Points:
        """Centre (3,)."""

    @property
    def size_angstrom(self) -> float:
        """Diameter or length."""

    def bounding_spheres(self) -> tuple[Points, float]:
        """Centres (n, 3) and radius of spheres that contain the object and its inside."""

    def exclusion_spheres(self) -> tuple[Points, float]:
        """Centres (n, 3) and radius of spheres that contain the object but not its inside."""

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:
        """Draw the object; None if it lies outside of a tomogram of this shape."""


def window(
    low: Points, high: Points, shape: tuple[int, int, int]
) -> tuple[NDArray[np.int_], tuple[int, int, int]] | None:
    """Corner (3,) and size of the box of voxels between two points (3,), or None if it is empty."""
    first = np.maximum(np.floor(low).astype(int), 0)
    size = np.minimum(np.ceil(high).astype(int) + 1, shape) - first
    return (first, (int(size[0]), int(size[1]), int(size[2]))) if (size > 0).all() else None


def planes(
    corner: NDArray[np.int_], size: tuple[int, int, int], centre: Points
) -> Iterator[NDArray[np.float32]]:
    """Yield the offsets (y, x, 3) of a box's voxels from a centre, plane by plane."""
    z, y, x = (np.arange(n) + low - c for n, low, c in zip(size, corner, centre, strict=True))
    for height in z:
        yield np.stack(np.broadcast_arrays(height, y[:, None], x), axis=-1).astype(np.float32)


def draw_planes(
    draw: Callable[..., None],
    box: tuple[NDArray[np.int_], tuple[int, int, int]],
    centre: Points,
    *types: type[np.generic],
) -> list[NDArray[Any]]:
    """Return volumes (z, y, x) of these types that fill a box, a corner and a size.

    The function fills one plane of each, given its offsets from a centre; it runs on several
    threads.
    """
    volumes = [np.zeros(box[1], dtype) for dtype in types]
    each = zip(*volumes, planes(*box, centre), strict=True)
    deque(parallel_results(lambda arrays: draw(*arrays), each), maxlen=0)
    return volumes


def window_of_plane(
    point: Points, normal: Points, reach: float, shape: tuple[int, int, int]
) -> tuple[NDArray[np.int_], tuple[int, int, int]] | None:
    """Corner (3,) and size of the box of voxels within a reach of a plane, or None if it is empty.

    The plane is given by a point (3,) and its unit normal (3,).
    """
    size = np.array(shape, dtype=float)
    low, high = np.zeros(3), size
    ends = np.stack([-point, size - point]) * normal  # (2, 3) their parts of the height
    for axis in range(3):
        if abs(normal[axis]) > _PARALLEL:
            others = np.delete(ends, axis, axis=1)
            least, most = others.min(axis=0).sum(), others.max(axis=0).sum()
            bounds = np.sort([(-reach - most) / normal[axis], (reach - least) / normal[axis]])
            low[axis], high[axis] = np.clip(bounds + point[axis], low[axis], high[axis])
    if (low >= high).any():
        return None
    return window(low, high, shape)
