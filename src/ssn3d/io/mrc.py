"""MRC files: volumes (z, y, x), stacks (tilt, y, x) and labels, with voxel size and origin.

One of the ten labels in the header is a checksum, which is verified when a file is read; files
without one are accepted. Files are written section by section, not through a memory map as mrcfile
does: with a map, a full disk ends the process without a message.
"""

import gzip
import math
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import mrcfile
import numpy as np
from numpy.typing import DTypeLike, NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.parallel import parallel_map, parallel_results
from ssn3d.io.files import PathLike, atomic_path
from ssn3d.io.mrc_header import CHECKSUM_LABEL
from ssn3d.io.stored_volume import REMAKE, StoredVolume
from ssn3d.io.volumes import open_volume

_SAME_VOXEL_FRACTION = 0.01
"""Relative difference below which voxel sizes are equal: half a voxel across a subtomogram."""


def same_voxel_size(one_angstrom: float, other_angstrom: float) -> bool:
    """Return True if two voxel sizes need no rescaling."""
    return abs(one_angstrom / other_angstrom - 1) <= _SAME_VOXEL_FRACTION


@dataclass(frozen=True)
class Grid:
    """Shape, voxel size and position of a volume, as in an MRC header."""

    shape: tuple[int, int, int]
    """(z, y, x)."""
    voxel_size_angstrom: float
    origin_angstrom: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """(x, y, z), the header's `origin`: the centre of the first voxel."""
    start_voxels: tuple[int, int, int] = (0, 0, 0)
    """(x, y, z), the header's `nxstart`, `nystart` and `nzstart`."""


@dataclass
class Sections:
    """An MRC file that is being written, with running checksum and statistics."""

    stream: BinaryIO
    dtype: np.dtype[Any]
    checksum: int
    extremes: list[float] = field(default_factory=list)
    total: float = 0.0
    squares: float = 0.0

    def write(self, sections: NDArray[Any]) -> None:
        """Append sections (n, y, x)."""

        def written() -> Iterator[NDArray[Any]]:
            for section in sections:
                stored = np.ascontiguousarray(section, self.dtype)
                self.stream.write(stored.data)
                self.checksum = zlib.crc32(stored.data, self.checksum)
                yield stored

        for low, high, total, squares in parallel_results(_statistics, written()):
            self.extremes += [low, high]
            self.total += total
            self.squares += squares


def _statistics(section: NDArray[Any]) -> tuple[float, float, float, float]:
    """Minimum, maximum, sum, and sum of squares of a section."""
    values = section.astype(np.float32, copy=False).ravel()
    with np.errstate(invalid="ignore"):  # infinity minus infinity, refused by `new_sections`
        total = values.sum(dtype=np.float64)
    squares = np.square(values).sum(dtype=np.float64)  # BLAS's depends on threads
    return float(values.min()), float(values.max()), float(total), float(squares)


def write_mrc(
    path: PathLike,
    array: NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint16],
    voxel_size_angstrom: float,
    *,
    stack: bool = False,
    half_precision: bool = False,
    label: str = "",
) -> None:
    """Write a volume (z, y, x) or, with `stack`, images (tilt, y, x); gzip-compressed if .gz.

    With `half_precision` values are rounded to 11 bits (mode 12), for half the size. The origin is
    0. `label` is added to the header.

    Raises:
        DataError: the array holds NaN or infinity.
        WriteError: the file cannot be written.
    """
    if half_precision:
        with np.errstate(over="ignore"):  # refused as infinity
            array = array.astype(np.float16)
    path = Path(path)
    grid = Grid(array.shape, voxel_size_angstrom)
    if path.suffix != ".gz":
        with new_sections(path, grid, array.dtype, label, stack=stack) as file:
            file.write(array)
        return
    with atomic_path(path) as partial:
        plain = path.with_name(f".{path.stem}")  # without a process ID: the next write removes it
        try:
            with new_sections(plain, grid, array.dtype, label, stack=stack) as file:
                file.write(array)
            _compress(plain, partial)
        finally:
            plain.unlink(missing_ok=True)


def _compress(plain: Path, path: Path) -> None:
    """Compress a file; labels, mostly equal to their neighbours, become 30 times smaller."""
    with (
        plain.open("rb") as source,
        path.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as target,
    ):
        shutil.copyfileobj(source, target, 1 << 20)


@contextmanager
def new_sections(
    path: PathLike, grid: Grid, dtype: DTypeLike, label: str, *, stack: bool = False
) -> Iterator[Sections]:
    """Yield an MRC file to which all sections are appended; it is at `path` after the block.

    Raises:
        DataError: the values are NaN or infinite.
        WriteError: the file cannot be written.
    """
    dtype = np.dtype(dtype)
    header = _header(grid, dtype, stack=stack)
    voxel_size = float(np.float32(header["cella"]["x"] / header["mx"]))
    with atomic_path(path) as partial, partial.open("wb") as stream:
        stream.write(header.tobytes())
        sections = Sections(stream, dtype, _checksum_start(grid.shape, dtype, voxel_size))
        yield sections
        if not np.isfinite(sections.total):
            raise DataError(f"{path}: not written: its values are NaN, infinite or too large")
        voxels = math.prod(grid.shape)
        mean = sections.total / voxels
        header["dmin"], header["dmax"] = min(sections.extremes), max(sections.extremes)
        header["dmean"] = mean
        header["rms"] = np.sqrt(max(sections.squares / voxels - mean**2, 0))
        labels = [label[:79]] * bool(label) + [f"{CHECKSUM_LABEL}{sections.checksum:08x}"]
        header["label"][: len(labels)] = labels
        header["nlabl"] = len(labels)
        stream.seek(0)
        stream.write(header.tobytes())


def _header(grid: Grid, dtype: np.dtype[Any], *, stack: bool) -> Any:
    """Make a header, a record of mrcfile's fields, without statistics and labels."""
    header = np.zeros((), mrcfile.dtypes.HEADER_DTYPE)
    header["mode"] = mrcfile.utils.mode_from_dtype(dtype)
    for axis, size, start, origin in zip(
        "xyz", grid.shape[::-1], grid.start_voxels, grid.origin_angstrom, strict=True
    ):
        intervals = 1 if stack and axis == "z" else size
        header[f"n{axis}"], header[f"m{axis}"] = size, intervals
        header[f"n{axis}start"] = start
        header["cella"][axis] = intervals * grid.voxel_size_angstrom
        header["origin"][axis] = origin
    header["cellb"] = 90.0, 90.0, 90.0
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    constants = mrcfile.constants
    header["ispg"] = constants.IMAGE_STACK_SPACEGROUP if stack else constants.VOLUME_SPACEGROUP
    header["map"] = constants.MAP_ID
    header["machst"] = mrcfile.utils.machine_stamp_from_byte_order("<")
    header["nversion"] = 20141  # MRC2014, second edition
    return header


def _checksum_start(shape: tuple[int, ...], dtype: np.dtype[Any], voxel_size: float) -> int:
    """CRC-32 of the header fields that are read, continued by that of the voxels."""
    return zlib.crc32(f"{shape} {dtype.str} {voxel_size!r}".encode())


def read_mrc(
    path: PathLike,
    shape: tuple[int, ...] | None = None,
    default_voxel_size_angstrom: float | None = None,
) -> tuple[NDArray[Any], float]:
    """Read the array and voxel size in angstrom of an MRC, TIFF or EM file, or of OME-Zarr.

    If the file has no voxel size, the default one is used, with a warning.

    Raises DataError if the file is missing, truncated or damaged, has no voxel size, holds NaN or
    infinity, or has another shape than the given one.
    """
    stored = open_volume(path, stacks=True)
    voxel_size_angstrom = stored.edges_angstrom[0]
    if not 0 < voxel_size_angstrom < math.inf:
        if default_voxel_size_angstrom is None:
            raise DataError(f"{path}: no voxel size in its header; write it there")
        voxel_size_angstrom = default_voxel_size_angstrom
        logger.warning(
            "%s: no voxel size in its header; %.4g A is assumed", path, voxel_size_angstrom
        )
    return _voxels(path, stored, shape), voxel_size_angstrom


def read_labels(path: PathLike) -> NDArray[Any]:
    """Read an array as `read_mrc` does, but without need of a voxel size."""
    return _voxels(path, open_volume(path, stacks=True), None)


def _voxels(path: PathLike, stored: StoredVolume, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """Read and check all voxels."""
    array, checksum, finite = _read(stored)
    known = re.search(f"{CHECKSUM_LABEL}([0-9a-f]{{8}})", stored.labels)
    if known is not None and int(known[1], 16) != checksum:
        raise DataError(
            f"{path}: its checksum is wrong: it is damaged, or was changed by another program; "
            f"{REMAKE}, or remove the label {CHECKSUM_LABEL.strip()!r} from its header"
        )
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if shape is not None and array.shape != shape:
        raise DataError(f"{path}: shape {array.shape}, expected {shape}; {REMAKE}")
    if not finite:
        raise DataError(f"{path}: holds NaN or infinity; {REMAKE}")
    return array


def _read(stored: StoredVolume) -> tuple[NDArray[Any], int, bool]:
    """Read all voxels; return them, their checksum, and True if all are finite."""
    source = stored.read(slice(None))
    array = np.empty(source.shape, source.dtype)
    checksum = _checksum_start(array.shape, array.dtype, stored.edges_angstrom[0])

    def copied() -> Iterator[NDArray[Any]]:
        nonlocal checksum
        for into, section in zip(array, source, strict=True):
            into[...] = section
            checksum = zlib.crc32(into.data, checksum)
            yield into

    finite = all(parallel_map(_is_finite, copied()))
    return array, checksum, finite


def _is_finite(section: NDArray[Any]) -> bool:
    """Return False if a section holds NaN or infinity."""
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        return bool(np.isfinite(np.sum(section, dtype=np.float64)))
