"""MRC files: volumes (z, y, x), stacks (tilt, y, x) and labels, with voxel size and origin.

One of the ten labels in the header is a checksum, which is verified when a file is read; files
without one are accepted.
"""

import gzip
import math
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike, atomic_path
from ssn3d.io.stored_volume import AGAIN, StoredTomogram
from ssn3d.io.volume_formats import find_stored

CHECKSUM_LABEL = "ssn3d crc32 "
_HEADER_BYTES = 1024


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


def shape_of_mrc(path: PathLike) -> tuple[int, int, int]:
    """Read the shape (z, y, x) from the header. Raises DataError if the file size differs."""
    return _opened(path).shape


def _opened(path: PathLike) -> StoredTomogram:
    """Open a volume or stack. Raises DataError where one of our files has a damaged header."""
    stored = find_stored(Path(path), stacks=True)
    plain = stored.read(slice(0, 0)).dtype.itemsize * math.prod(stored.shape) + _HEADER_BYTES
    if CHECKSUM_LABEL in stored.labels and stored.size_bytes != plain:  # others may be longer
        raise DataError(
            f"{path}: {stored.size_bytes} bytes, but the header implies {plain}; {AGAIN}"
        )
    return stored


def read_mrc(
    path: PathLike,
    shape: tuple[int, ...] | None = None,
    default_voxel_size_angstrom: float | None = None,
) -> tuple[NDArray[Any], float]:
    """Read an array and its voxel size in angstrom; also of TIFF, EM and OME-Zarr.

    A default voxel size is used, with a warning, where the file has none.

    Raises DataError if the file is missing, truncated or damaged, has no voxel size, holds NaN or
    infinity, or is not of the given shape.
    """
    stored = _opened(path)
    voxel_size_angstrom = stored.edges_angstrom[0]
    if not 0 < voxel_size_angstrom < math.inf:
        if default_voxel_size_angstrom is None:
            raise DataError(f"{path}: no voxel size in its header; write it there")
        voxel_size_angstrom = default_voxel_size_angstrom
        logger.warning("%s: no voxel size; %.4g A are taken", path, voxel_size_angstrom)
    return _voxels(path, stored, shape), voxel_size_angstrom


def read_labels(path: PathLike) -> NDArray[Any]:
    """Read an array that needs no voxel size. Raises DataError where `read_mrc` does otherwise."""
    return _voxels(path, _opened(path), None)


def _voxels(path: PathLike, stored: StoredTomogram, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """Read and check all voxels."""
    array = np.array(stored.read(slice(None)), order="C")
    known = re.search(f"{CHECKSUM_LABEL}([0-9a-f]{{8}})", stored.labels)
    if known is not None:
        start = checksum_start(array.shape, array.dtype, stored.edges_angstrom[0])
        if int(known[1], 16) != zlib.crc32(array.data, start):
            raise DataError(f"{path}: its checksum is wrong; {AGAIN}")
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if shape is not None and array.shape != shape:
        raise DataError(f"{path}: shape {array.shape}, expected {shape}; {AGAIN}")
    if not _is_finite(array):
        raise DataError(f"{path}: holds NaN or infinity; {AGAIN}")
    return array
