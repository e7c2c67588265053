"""Volumes in pieces: blocks with a halo, so that no volume needs to be in memory at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Read = Callable[[tuple[slice, ...]], NDArray[np.float32]]
"""Reads part of a volume (z, y, x)."""


@dataclass(frozen=True)
class Block:
    """A piece of a volume; each voxel of the volume is in the core of one block."""

    core: tuple[slice, ...]
    """Its own voxels, in the volume."""
    halo: tuple[slice, ...]
    """These and their surroundings, in the volume."""

    @property
    def start(self) -> NDArray[np.int_]:
        """First voxel of the halo, in the volume."""
        return np.array([part.start for part in self.halo])

    def owns(self, points: NDArray[np.float64] | NDArray[np.int_]) -> NDArray[np.bool_]:
        """Whether points (n, 3) of the volume are in the core, (n,)."""
        first = np.array([part.start for part in self.core])
        end = np.array([part.stop for part in self.core])
        nearest = np.floor(points + 0.5)
        return np.asarray(((nearest >= first) & (nearest < end)).all(axis=1))


def blocks(
    shape: tuple[int, ...], core_voxels: tuple[int, ...], halo_voxels: int
) -> Iterator[Block]:
    """Cut a volume into blocks with cores of this size, smaller at the end."""
    starts = [range(0, length, step) for length, step in zip(shape, core_voxels, strict=True)]
    for corner in product(*starts):
        ends = [min(c + s, n) for c, s, n in zip(corner, core_voxels, shape, strict=True)]
        yield Block(
            tuple(slice(c, end) for c, end in zip(corner, ends, strict=True)),
            tuple(
                slice(max(c - halo_voxels, 0), min(end + halo_voxels, n))
                for c, end, n in zip(corner, ends, shape, strict=True)
            ),
        )
