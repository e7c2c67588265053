"""A tomogram of one's own: an MRC file of any mode, contrast and voxel size, memory-mapped."""

import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.log import logger
from ssn3d.mrc_sections import Grid, same_voxel_size
from ssn3d.tomogram_checks import section_correlation, skewness, survey

Protein = Literal["auto", "dark", "bright"]
Slices = slice | tuple[slice, ...]

SMALLEST_VOXEL_ANGSTROM, LARGEST_VOXEL_ANGSTROM = 0.5, 50.0
"""Other voxel sizes are mistakes: an atom's, or a cell's."""
_IMOD_STAMP = 1146047817
_THIN = 1.5
"""Length along z, relative to y, above which y may be the thickness, as before IMOD's `trimvol`."""
_NOT_TILTS = 0.1
"""Least correlation of neighbouring sections that raises no doubt."""


@dataclass(frozen=True)
class OwnTomogram:
    """A tomogram whose voxels stay in its file; memory is needed for what is read."""

    path: Path
    grid: Grid
    """Shape, voxel size and origin, to be kept in all that is made of it."""
    dtype: np.dtype[Any]
    """Type of a voxel in the file."""
    offset_bytes: int
    """Where the voxels begin in the file."""
    name: str
    """With which names of outputs begin; tables of particles know the tomogram by it."""
    protein_is_dark: bool = True
    """Whether it is so in the file; `box` inverts other tomograms."""

    def read(self, where: Slices) -> NDArray[np.float32]:
        """Read part of the volume (z, y, x) as it is in the file."""
        # mapped anew each time, since pages once read would count as memory of ours
        voxels = np.memmap(self.path, self.dtype, "r", self.offset_bytes, self.grid.shape)
        return voxels[where].astype(np.float32).view(np.ndarray)

    def read_dark(self, where: Slices) -> NDArray[np.float32]:
        """Read part of the volume (z, y, x) with protein dark."""
        voxels = self.read(where)
        return voxels if self.protein_is_dark else -voxels

    def box(self, start: tuple[int, ...], size: tuple[int, ...]) -> NDArray[np.float32]:
        """Read `size` voxels from `start` (both z, y, x), with protein dark.

        Beyond a border the tomogram is mirrored.
        """
        axes = zip(start, size, self.grid.shape, strict=True)
        indices = [_mirrored(np.arange(first, first + n), length) for first, n, length in axes]
        lowest = [int(index.min()) for index in indices]
        box = self.read(tuple(slice(index.min(), index.max() + 1) for index in indices))
        box = box[np.ix_(*(index - low for index, low in zip(indices, lowest, strict=True)))]
        return box if self.protein_is_dark else -box


def _mirrored(index: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    """Indices into an axis, those beyond its ends mirrored there."""
    index = index % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def open_tomogram(
    path: PathLike,
    voxel_size_angstrom: float | None = None,
    protein: Protein = "auto",
    name: str | None = None,
) -> OwnTomogram:
    """Open a tomogram, look through it once, and log what it is.

    Args:
        path: an MRC file of real numbers.
        voxel_size_angstrom: instead of the header's.
        protein: whether it is dark or bright; auto finds out, by the skewness of the smoothed
            volume.
        name: of the tomogram; by default the file's, without its last suffix.

    Raises:
        DataError: the file is not a tomogram (missing, damaged, an image, a stack, constant, with
            NaN), or its voxel size is absent or absurd.
    """
    path = Path(path)
    header, offset = _read_header(path)
    shape = int(header.nz), int(header.ny), int(header.nx)
    size, source = _voxel_size(path, header, voxel_size_angstrom)
    grid = Grid(
        shape,
        size,
        tuple(float(header.origin[axis]) for axis in "xyz"),  # type: ignore[arg-type]
        tuple(int(header[f"n{axis}start"]) for axis in "xyz"),  # type: ignore[arg-type]
    )
    tomogram = OwnTomogram(path, grid, _dtype(header), offset, name or path.stem)
    found = survey(tomogram.read, shape, size, str(path))
    is_dark, how = _contrast(found.binned, protein)
    z, y, x = shape
    logger.info(
        "%s: %dx%dx%d voxels (x, y, z) of %.4g A (%s); protein is %s (%s)",
        *(path, x, y, z, size, source, "dark" if is_dark else "bright", how),
    )
    _warn_of_doubts(tomogram)
    return replace(tomogram, protein_is_dark=is_dark)


def _contrast(binned: NDArray[np.float32], protein: Protein) -> tuple[bool, str]:
    """Whether protein is dark, and how that is known."""
    if protein != "auto":
        return protein == "dark", "as asked"
    value, clear = skewness(binned)
    if not clear:
        return True, f"a guess, its skewness of {value:.2f} being noise; else --protein bright"
    return value < 0, f"its skewness is {value:.2f}; --protein overrides"


def _read_header(path: Path) -> tuple[Any, int]:
    """Read the header, and where the voxels begin. Raises DataError where there is no tomogram."""
    try:
        with path.open("rb") as stream:
            compressed = stream.read(2) in {b"\x1f\x8b", b"BZ"}
        if compressed:
            raise DataError(f"{path}: compressed; decompress it first")
        with (
            warnings.catch_warnings(action="ignore"),
            mrcfile.open(path, header_only=True) as mrc,
        ):
            header = mrc.header
        item_bytes = _dtype(header).itemsize
    except (OSError, EOFError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise DataError(f"{path}: not a readable MRC file ({problem}); give a tomogram") from error
    shape = int(header.nz), int(header.ny), int(header.nx)
    offset = header.nbytes + int(header.nsymbt)
    expected, actual = offset + math.prod(shape) * item_bytes, path.stat().st_size
    if min(shape) < 1 or actual < expected:
        raise DataError(f"{path}: {actual} bytes of {expected} in its header; copy it again")
    _refuse_other_content(path, header, shape)
    return header, offset


def _refuse_other_content(path: Path, header: Any, shape: tuple[int, int, int]) -> None:
    """Raise DataError for what is no tomogram of real numbers, by its header."""
    group = int(header.ispg)
    what = None
    if shape[0] == 1:
        what = "a 2-D image"
    elif group == 0 and header.mz == 1:
        what = "a stack of images, such as a tilt series"
    elif group >= mrcfile.constants.VOLUME_STACK_SPACEGROUP:
        what = "a stack of volumes"
    elif np.issubdtype(_dtype(header), np.complexfloating):
        what = "a Fourier transform"
    if what:
        raise DataError(f"{path}: {what}, not a tomogram; give a reconstructed volume")
    axes = int(header.mapc), int(header.mapr), int(header.maps)
    if axes not in {(1, 2, 3), (0, 0, 0)}:
        raise DataError(f"{path}: its axes are stored in order {axes}; rewrite it as x, y, z")


def _dtype(header: Any) -> np.dtype[Any]:
    """Type of a voxel. IMOD once wrote bytes unsigned, and says so where it did."""
    dtype: np.dtype[Any] = mrcfile.utils.data_dtype_from_header(header)
    stamp, flags = np.frombuffer(header.extra2.tobytes()[40:48], header.mode.dtype)
    if dtype == np.int8 and stamp == _IMOD_STAMP and not flags & 1:
        return np.dtype(np.uint8)
    return dtype


def _voxel_size(path: Path, header: Any, asked_angstrom: float | None) -> tuple[float, str]:
    """Voxel size in angstrom, and where it comes from. Raises DataError where it is absurd."""
    remedy = "give the true one with --voxel-size"
    if asked_angstrom is None:
        edges = [float(header.cella[axis]) / max(int(header[f"m{axis}"]), 1) for axis in "xyz"]
        size, source = edges[0], "from its header"
        shown = " x ".join(f"{edge:.4g}" for edge in edges)
        if not all(math.isfinite(edge) and edge > 0 for edge in edges):
            raise DataError(f"{path}: no voxel size in its header; {remedy}")
        if not all(same_voxel_size(edge, size) for edge in edges):
            raise DataError(f"{path}: its voxels are {shown} A, not cubes; rescale it, or {remedy}")
        if size == 1:
            raise DataError(
                f"{path}: a voxel size of 1 A in its header, as of files without one; {remedy}"
            )
    else:
        size, source, remedy = asked_angstrom, "as asked", "give it in angstrom"
    if not SMALLEST_VOXEL_ANGSTROM <= size <= LARGEST_VOXEL_ANGSTROM:
        raise DataError(
            f"{path}: a voxel size of {size:g} A ({source}) is not between "
            f"{SMALLEST_VOXEL_ANGSTROM:g} and {LARGEST_VOXEL_ANGSTROM:g}; {remedy}"
        )
    return size, source


def _warn_of_doubts(tomogram: OwnTomogram) -> None:
    """Log what is unusual in a tomogram."""
    z, y, _ = tomogram.grid.shape
    if z > _THIN * y:
        logger.warning(
            "%s: longer along z (%d) than y (%d); is its thickness along y? Turn it, to have that "
            "along z, and the tilt axis along y",
            *(tomogram.path, z, y),
        )
    correlation = section_correlation(tomogram.read, z)
    if correlation < _NOT_TILTS:
        logger.warning(
            "%s: neighbouring sections share little (correlation %.2f), as in a tilt series; is it "
            "a tomogram?",
            *(tomogram.path, correlation),
        )
