"""A volume that stays in its MRC file; what is read of it is in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.mrc import shape_of_mrc


@dataclass(frozen=True)
class MappedVolume:
    """A volume (z, y, x) of real numbers."""

    path: Path
    shape: tuple[int, int, int]
    voxel_size_angstrom: float

    @property
    def voxels(self) -> NDArray[Any]:
        """All voxels, mapped anew: pages once read would count as memory of this process."""
        with mrcfile.mmap(self.path, mode="r") as mrc:
            array: NDArray[Any] = mrc.data
            return array

    def read(self, where: tuple[slice, ...]) -> NDArray[np.float32]:
        """Read a part."""
        return np.array(self.voxels[where], dtype=np.float32)


def open_volume(path: PathLike, voxel_size_angstrom: float | None = None) -> MappedVolume:
    """Open a volume, with the header's voxel size unless one is given.

    Raises DataError where it is missing, damaged, no volume, or without a voxel size.
    """
    shape = shape_of_mrc(path)
    with mrcfile.mmap(Path(path), mode="r") as mrc:
        if mrc.data.ndim != 3 or shape[0] == 1 or mrc.is_image_stack():  # noqa: PLR2004 -- volumes
            raise DataError(f"{path}: images, not a tomogram; give a reconstructed volume")
        if not np.isrealobj(mrc.data):
            raise DataError(f"{path}: a Fourier transform, not a tomogram; give a volume")
        size = float(mrc.voxel_size.x) if voxel_size_angstrom is None else voxel_size_angstrom
    if not (np.isfinite(size) and size > 0):
        raise DataError(f"{path}: no voxel size in its header; give it with --voxel-size")
    return MappedVolume(Path(path), shape, size)
