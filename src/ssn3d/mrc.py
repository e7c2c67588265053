"""MRC files: volumes (z, y, x), stacks (tilt, y, x) and labels, with voxel size and origin.

One of a file's ten labels is a checksum, which is verified on reading; files without one are taken.
"""

import math
import os
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import atomic_path

_REMEDY = "delete it and run again"
_CHECKSUM = "ssn3d crc32 "


def write_mrc(
    path: str | os.PathLike[str],
    array: NDArray[np.float32] | NDArray[np.uint16],
    voxel_size_angstrom: float,
    *,
    stack: bool = False,
    label: str = "",
) -> None:
    """Write a volume, or with `stack` a stack of images, float32 or uint16.

    The origin is that of the first voxel's centre, 0. `label` is put into the header.
    Raises WriteError where there is no room, or the folder is read-only.
    """
    with atomic_path(path) as partial, _new(partial) as mrc:
        mrc.set_data(array)
        if stack:
            mrc.set_image_stack()
        mrc.voxel_size = voxel_size_angstrom
        mrc.header.origin = (0.0, 0.0, 0.0)
        if label:
            mrc.add_label(label[:79])
        mrc.add_label(_CHECKSUM + _checksum(mrc))


class _NewMrc(mrcfile.mrcfile.MrcFile):  # type: ignore[misc]
    """A new file, whose statistics take less time than mrcfile's, and no copy of the data."""

    def update_header_stats(self) -> None:
        """Put minimum, maximum, mean and standard deviation into the header; warn of NaN."""
        total = squares = 0.0
        ends = []
        for section in self.data:
            values = section.astype(np.float32, copy=False).ravel()  # few: they stay in the cache
            ends += [values.min(), values.max()]
            total += values.sum(dtype=np.float64)
            squares += np.vdot(values, values)
        if np.isnan(total):
            warnings.warn("the array holds NaN", RuntimeWarning, stacklevel=2)
        mean = total / self.data.size
        self.header.dmin, self.header.dmax = min(ends), max(ends)
        self.header.dmean = mean
        self.header.rms = np.sqrt(max(squares / self.data.size - mean**2, 0))


@contextmanager
def _new(path: Path) -> Iterator[Any]:
    """Give a new file, closed when the block ends, even where the disk is full.

    mrcfile would leave it open then, to fail once more, out of reach, when it is collected.
    """
    mrc = _NewMrc(path, mode="w+", overwrite=True)
    stream = mrc._iostream  # noqa: SLF001 -- there is no other way to it
    try:
        yield mrc
        mrc.close()
    finally:
        with suppress(OSError):
            stream.close()


def _checksum(mrc: Any) -> str:
    """CRC-32 of an open file's data, and of what the header says of them that we read."""
    array = np.ascontiguousarray(mrc.data)
    described = f"{array.shape} {array.dtype.str} {float(mrc.voxel_size.x)!r}"
    return f"{zlib.crc32(array.data, zlib.crc32(described.encode())):08x}"


@contextmanager
def _opened(path: str | os.PathLike[str], *, header_only: bool = False) -> Iterator[Any]:
    """Open for reading, warnings of mrcfile being faults. Raises DataError where there are any."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with mrcfile.open(Path(path), mode="r", header_only=header_only) as mrc:
                yield mrc
    except (OSError, ValueError, RuntimeWarning, UserWarning) as error:
        message = f"{path}: not a readable MRC file ({error}); {_REMEDY}"
        raise DataError(message) from error


def shape_of_mrc(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """Read the shape (z, y, x) from a header. Raises DataError where the file has another size."""
    with _opened(path, header_only=True) as mrc:
        header = mrc.header
        shape = int(header.nz), int(header.ny), int(header.nx)
        item_bytes = mrcfile.utils.data_dtype_from_header(header).itemsize
        expected = header.nbytes + int(header.nsymbt) + math.prod(shape) * item_bytes
        found = Path(path).stat().st_size
        if min(shape) < 1 or found != expected:
            raise ValueError(f"{found} bytes, where the header implies {expected}")
        return shape


def read_mrc(
    path: str | os.PathLike[str], shape: tuple[int, ...] | None = None
) -> tuple[NDArray[Any], float]:
    """Read an array and its voxel size in angstrom.

    Raises DataError where the file is missing, truncated or damaged, holds NaN or infinity, or has
    another shape than `shape`.
    """
    shape_of_mrc(path)  # before memory is asked for that only a damaged header wants
    with _opened(path) as mrc:
        labels = b" ".join(mrc.header.label.tolist())
        checksum = re.search(f"{_CHECKSUM}([0-9a-f]{{8}})".encode(), labels)
        if checksum is not None and checksum[1].decode() != _checksum(mrc):
            raise ValueError("its checksum is wrong")
        array: NDArray[Any] = mrc.data
        array.flags.writeable = True  # the file is closed below, and holds no reference
        voxel_size_angstrom = float(mrc.voxel_size.x)
    if shape is not None and array.shape != shape:
        message = f"{path}: shape {array.shape}, expected {shape}; {_REMEDY}"
        raise DataError(message)
    if not np.isfinite(np.sum(array, dtype=np.float64)):
        message = f"{path}: holds NaN or infinity; {_REMEDY}"
        raise DataError(message)
    return array, voxel_size_angstrom
