"""MRC files: volumes (z, y, x), stacks (tilt, y, x) and labels, with voxel size and origin.

One of the ten labels in the header is a checksum, which is verified when a file is read; files
without one are accepted.
"""

import gzip
import math
import re
import shutil
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
from ssn3d.files import DELETE, PathLike, atomic_path

CHECKSUM_LABEL = "ssn3d crc32 "
_FAULTS = (OSError, EOFError, ValueError, zlib.error)  # mrcfile reads compressed files too


def write_mrc(
    path: PathLike,
    array: NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint16],
    voxel_size_angstrom: float,
    *,
    stack: bool = False,
    half_precision: bool = False,
    label: str = "",
) -> None:
    """Write a volume (z, y, x) or, with `stack`, a stack of images (tilt, y, x).

    With `half_precision` values are rounded to 11 bits (mode 12), for half the size. The origin, at
    the centre of the first voxel, is 0. `label` is added to the header. A name that ends in .gz
    makes it a compressed file.

    Raises:
        DataError: the array holds NaN or infinity.
        WriteError: the file cannot be written.
    """
    if half_precision:
        with np.errstate(over="ignore"):  # noticed below
            array = array.astype(np.float16)
    if not _is_finite(array):
        raise DataError(f"{path}: not written: its values are NaN, infinite or too large")
    if Path(path).suffix == ".gz":
        plain = Path(path).with_suffix("")
        write_mrc(plain, array, voxel_size_angstrom, stack=stack, label=label)
        _compress(plain, Path(path))
        return
    with atomic_path(path) as partial, _new(partial) as mrc:
        mrc.set_data(array)
        if stack:
            mrc.set_image_stack()
        mrc.voxel_size = voxel_size_angstrom
        mrc.header.origin = (0.0, 0.0, 0.0)
        mrc.header.label, mrc.header.nlabl = b"", 0  # mrcfile's own, the time of day
        if label:
            mrc.add_label(label[:79])
        mrc.add_label(CHECKSUM_LABEL + _checksum(mrc))


def _compress(plain: Path, path: Path) -> None:
    """Compress a file; labels, mostly the same as their neighbours, become 30 times smaller."""
    with (
        atomic_path(path) as partial,
        plain.open("rb") as source,
        partial.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as target,
    ):
        shutil.copyfileobj(source, target, 1 << 20)
    plain.unlink()


class _NewMrc(mrcfile.mrcfile.MrcFile):  # type: ignore[misc]
    """A new file whose statistics take less time than mrcfile's, and no copy of the data."""

    def update_header_stats(self) -> None:
        """Write minimum, maximum, mean and standard deviation to the header."""
        total = squares = 0.0
        ends = []
        for section in self.data:
            values = section.astype(np.float32, copy=False).ravel()  # few enough for the cache
            ends += [values.min(), values.max()]
            total += values.sum(dtype=np.float64)
            squares += np.square(values).sum(dtype=np.float64)  # BLAS's sum depends on threads
        mean = total / self.data.size
        self.header.dmin, self.header.dmax = min(ends), max(ends)
        self.header.dmean = mean
        self.header.rms = np.sqrt(max(squares / self.data.size - mean**2, 0))


@contextmanager
def _new(path: Path) -> Iterator[Any]:
    """Yield a new file, and close it when the block ends, even if the disk is full.

    mrcfile would leave it open, and fail again when the object is garbage-collected.
    """
    mrc = _NewMrc(path, mode="w+", overwrite=True)
    stream = mrc._iostream  # noqa: SLF001 -- mrcfile offers no other access
    try:
        yield mrc
        mrc.close()
    finally:
        with suppress(OSError):
            stream.close()


def _checksum(mrc: Any) -> str:
    """CRC-32 of an open file's data and of the header fields that we read."""
    array = np.ascontiguousarray(mrc.data)
    start = checksum_start(array.shape, array.dtype, float(mrc.voxel_size.x))
    return f"{zlib.crc32(array.data, start):08x}"


def checksum_start(shape: tuple[int, ...], dtype: np.dtype[Any], voxel_size_angstrom: float) -> int:
    """CRC-32 of the header fields, with which that of the data begins."""
    return zlib.crc32(f"{shape} {dtype.str} {voxel_size_angstrom!r}".encode())


def _is_finite(array: NDArray[Any]) -> bool:
    """Whether an array is free of NaN and infinity, either of which makes its sum so."""
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return bool(np.isfinite(np.sum(array, dtype=np.float64)))


@contextmanager
def _opened(path: PathLike, *, header_only: bool = False) -> Iterator[Any]:
    """Open for reading. Raises DataError for mrcfile's errors and warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("error", UserWarning)
            with mrcfile.open(Path(path), mode="r", header_only=header_only) as mrc:
                yield mrc
    except (*_FAULTS, RuntimeWarning, UserWarning) as error:
        raise DataError(f"{path}: not a readable MRC file ({error}); {DELETE}") from error


def shape_of_mrc(path: PathLike) -> tuple[int, int, int]:
    """Read the shape (z, y, x) from the header. Raises DataError if the file size differs."""
    with _opened(path, header_only=True) as mrc:
        header = mrc.header
        shape = int(header.nz), int(header.ny), int(header.nx)
        item_bytes = mrcfile.utils.data_dtype_from_header(header).itemsize
        expected = header.nbytes + int(header.nsymbt) + math.prod(shape) * item_bytes
        found = Path(path).stat().st_size
        compressed = Path(path).suffix == ".gz"  # gzip notices that a file ends early
        if min(shape) < 1 or (found != expected and not compressed):
            raise ValueError(f"{found} bytes, but the header implies {expected}")
        return shape


def _check_real_voxels(mrc: Any) -> None:
    """Raise ValueError if the voxels of an open file are not real numbers or have no size."""
    if not np.isrealobj(mrc.data):
        raise ValueError(f"its voxels are {mrc.data.dtype}, not real numbers")
    cell, intervals = float(mrc.header.cella.x), int(mrc.header.mx)
    if not (intervals > 0 and 0 < cell < math.inf):
        raise ValueError(f"no voxel size in its header: cell {cell:g} A, {intervals} intervals")


def read_mrc(path: PathLike, shape: tuple[int, ...] | None = None) -> tuple[NDArray[Any], float]:
    """Read an array and its voxel size in angstrom.

    Raises DataError if the file is missing, truncated or damaged, holds NaN or infinity, or is not
    of the given shape.
    """
    shape_of_mrc(path)  # before memory is allocated for what a damaged header says
    with _opened(path) as mrc:
        labels = b" ".join(mrc.header.label.tolist())
        checksum = re.search(f"{CHECKSUM_LABEL}([0-9a-f]{{8}})".encode(), labels)
        _check_real_voxels(mrc)
        if checksum is not None and checksum[1].decode() != _checksum(mrc):
            raise ValueError("its checksum is wrong")
        array: NDArray[Any] = mrc.data
        if array.dtype == np.float16:
            array = array.astype(np.float32)
        array.flags.writeable = True  # the file, closed below, keeps no reference
        voxel_size_angstrom = float(mrc.voxel_size.x)
    if shape is not None and array.shape != shape:
        raise DataError(f"{path}: shape {array.shape}, expected {shape}; {DELETE}")
    if not _is_finite(array):
        raise DataError(f"{path}: holds NaN or infinity; {DELETE}")
    return array, voxel_size_angstrom
