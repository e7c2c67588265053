"""A mask, segmentation or tomogram that stays in its file; what is read of it is in memory."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.io.stored_volume import Slices, StoredTomogram
from ssn3d.io.volume_formats import find_stored


@dataclass(frozen=True)
class MappedVolume:
    """A volume (z, y, x) of real numbers."""

    path: Path
    stored: StoredTomogram
    voxel_size_angstrom: float

    @property
    def shape(self) -> tuple[int, int, int]:
        """(z, y, x)."""
        return self.stored.shape

    @property
    def voxels(self) -> NDArray[Any]:
        """All voxels, read from a file when they are used; OME-Zarr is read at once."""
        return self.stored.read(slice(None))

    def read(self, where: Slices) -> NDArray[np.float32]:
        """Read a part."""
        return self.stored.read_float32(where)


def open_volume(path: PathLike, voxel_size_angstrom: float | None = None) -> MappedVolume:
    """Open a volume, with the header's voxel size unless one is given.

    Raises DataError where it is missing, damaged, no volume, or without a voxel size.
    """
    stored = find_stored(Path(path))
    size = stored.edges_angstrom[0] if voxel_size_angstrom is None else voxel_size_angstrom
    if not (math.isfinite(size) and size > 0):
        raise DataError(f"{path}: no voxel size in its header; give it with --voxel-size")
    return MappedVolume(Path(path), stored, size)
