"""Volumes in blocks with a halo, so that no volume needs to be in memory at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, ...]
"""Part of a volume (z, y, x)."""
Read = Callable[[Box], NDArray[np.float32]]
"""Reads part of a volume (z, y, x)."""


@dataclass(frozen=True)
class Block:
    """Part of a volume; each voxel of the volume is in the core of one block."""

    core: Box
    halo: Box
    """The core and its surroundings."""

    @property
    def start(self) -> NDArray[np.int_]:
        """First voxel of the halo in the volume."""
        return np.array([part.start for part in self.halo])

    @property
    def core_in_halo(self) -> Box:
        """Core in voxels of the halo."""
        pairs = zip(self.core, self.halo, strict=True)
        return tuple(slice(c.start - h.start, c.stop - h.start) for c, h in pairs)

    def contains(self, voxels: NDArray[np.int_]) -> NDArray[np.bool_]:
        """True (n,) where voxels (n, 3) of the volume are in the core."""
        first, stop = np.array([(part.start, part.stop) for part in self.core]).T
        return np.asarray(((voxels >= first) & (voxels < stop)).all(axis=1))


def blocks(
    shape: tuple[int, ...], core_voxels: tuple[int, ...], halo_voxels: int = 0
) -> Iterator[Block]:
    """Cut a volume into blocks with cores of a given size, smaller at the end."""
    starts = [range(0, length, step) for length, step in zip(shape, core_voxels, strict=True)]
    for corner in product(*starts):
        core = [(c, min(c + s, n)) for c, s, n in zip(corner, core_voxels, shape, strict=True)]
        halo = [
            (max(start - halo_voxels, 0), min(stop + halo_voxels, n))
            for (start, stop), n in zip(core, shape, strict=True)
        ]
        yield Block(tuple(slice(*part) for part in core), tuple(slice(*part) for part in halo))


def slabs(shape: tuple[int, ...], voxels: int) -> list[Box]:
    """Cut a volume along z into slabs of at most `voxels` voxels, but at least one section."""
    sections = max(voxels // (shape[1] * shape[2]), 1)
    return [block.core for block in blocks(shape, (sections, *shape[1:]))]
