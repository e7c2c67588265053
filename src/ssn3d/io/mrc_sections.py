"""MRC files written section by section, for volumes that should not be in memory as a whole.

mrcfile would write such a file through a memory map, and a full disk would end the process without
a message.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, atomic_path
from ssn3d.io.mrc import CHECKSUM_LABEL, checksum_start


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume are, as an MRC header has it."""

    shape: tuple[int, int, int]
    """(z, y, x)."""
    voxel_size_angstrom: float
    origin_angstrom: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """(x, y, z), the header's `origin`."""
    start_voxels: tuple[int, int, int] = (0, 0, 0)
    """(x, y, z), the header's `nxstart`, `nystart` and `nzstart`."""


_SAME = 0.01
"""Relative difference up to which two voxel sizes are one: half a voxel across a subtomogram."""


def same_voxel_size(one_angstrom: float, other_angstrom: float) -> bool:
    """Whether two voxel sizes need no rescaling."""
    return abs(one_angstrom / other_angstrom - 1) <= _SAME


@dataclass
class Sections:
    """An MRC file that is being written."""

    stream: BinaryIO
    dtype: np.dtype[Any]
    checksum: int
    extremes: list[float] = field(default_factory=list)
    total: float = 0.0
    squares: float = 0.0

    def write(self, sections: NDArray[Any]) -> None:
        """Append sections (n, y, x)."""
        for section in sections:
            values = np.ascontiguousarray(section, self.dtype)
            self.stream.write(values.data)
            self.checksum = zlib.crc32(values.data, self.checksum)
            exact = values.astype(np.float64)
            self.extremes += [float(exact.min()), float(exact.max())]
            self.total += float(exact.sum())
            self.squares += float(np.vdot(exact, exact))


@contextmanager
def new_sections(
    path: PathLike, grid: Grid, dtype: type[np.generic], label: str
) -> Iterator[Sections]:
    """Give an MRC file to append all sections to; it is at `path` when the block succeeds.

    Raises:
        DataError: the values are NaN or infinite.
        WriteError: the file cannot be written.
    """
    header = _header(grid, np.dtype(dtype))
    voxel_size = float(np.float32(header["cella"]["x"] / header["mx"]))
    start = checksum_start(grid.shape, np.dtype(dtype), voxel_size)
    with atomic_path(path) as partial, partial.open("wb") as stream:
        stream.write(header.tobytes())
        sections = Sections(stream, np.dtype(dtype), start)
        yield sections
        if not np.isfinite(sections.total):
            raise DataError(f"{path}: not written: its values are NaN or infinite")
        _add_statistics(header, sections, grid)
        for text in (label[:79], f"{CHECKSUM_LABEL}{sections.checksum:08x}"):
            header["label"][header["nlabl"]] = text
            header["nlabl"] += 1
        stream.seek(0)
        stream.write(header.tobytes())


def _header(grid: Grid, dtype: np.dtype[Any]) -> Any:
    """Make the header of a volume: a record of mrcfile's fields."""
    header = np.zeros((), mrcfile.dtypes.HEADER_DTYPE)
    header["mode"] = mrcfile.utils.mode_from_dtype(dtype)
    for axis, size, start, origin in zip(
        "xyz", grid.shape[::-1], grid.start_voxels, grid.origin_angstrom, strict=True
    ):
        header[f"n{axis}"] = header[f"m{axis}"] = size
        header[f"n{axis}start"] = start
        header["cella"][axis] = size * grid.voxel_size_angstrom
        header["origin"][axis] = origin
    header["cellb"] = 90.0, 90.0, 90.0
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["ispg"] = mrcfile.constants.VOLUME_SPACEGROUP
    header["map"] = mrcfile.constants.MAP_ID
    header["machst"] = mrcfile.utils.machine_stamp_from_byte_order("<")
    header["nversion"] = 20141  # MRC2014, its second edition
    return header


def _add_statistics(header: Any, sections: Sections, grid: Grid) -> None:
    """Write minimum, maximum, mean and standard deviation to a header."""
    voxels = np.prod(grid.shape)
    mean = sections.total / voxels
    header["dmin"], header["dmax"] = min(sections.extremes), max(sections.extremes)
    header["dmean"] = mean
    header["rms"] = np.sqrt(max(sections.squares / voxels - mean**2, 0))
