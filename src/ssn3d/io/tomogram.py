"""Lazy reader of tomograms of any contrast and voxel size: MRC, TIFF, EM and OME-Zarr."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.settings import Protein
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import Grid, same_voxel_size
from ssn3d.io.stored_volume import Slices, StoredVolume
from ssn3d.io.tomogram_checks import Survey, protein_is_dark, section_correlation, survey
from ssn3d.io.volumes import open_volume

IsData = Callable[[tuple[slice, ...]], NDArray[np.bool_] | None]
"""Mask of the voxels with data in part of a volume (z, y, x); None if all have data."""
SMALLEST_VOXEL_ANGSTROM, LARGEST_VOXEL_ANGSTROM = 0.5, 50.0
"""Voxel sizes out of this range are mistakes."""
_THIN = 1.5
"""Ratio of z to y above which y may be the thickness, as before IMOD's `trimvol`."""
_NOT_TILTS = 0.1
"""Correlation of neighbouring sections below which a warning is logged."""


@dataclass(frozen=True)
class Tomogram:
    """A tomogram whose voxels stay in its file; only the parts that are read need memory."""

    path: Path
    grid: Grid
    """Shape, voxel size and origin, kept in all volumes made from it."""
    stored: StoredVolume
    name: str
    """Prefix of output file names, and name of the tomogram in particle tables."""
    found: Survey
    """Statistics and mask of the voxels that hold data."""
    protein_is_dark: bool = True
    """True if protein is dark in the file; `read_dark` and `box` invert other tomograms."""

    def read(self, where: Slices) -> NDArray[np.float32]:
        """Read part of the volume (z, y, x) as it is in the file."""
        return self.stored.read_float32(where)

    def is_data(self, where: Slices) -> NDArray[np.bool_] | None:
        """Return a mask of the voxels of a part that hold data, not padding; None if all do."""
        padding = self.found.padding
        return None if padding is None else padding.is_data(_bounds(where, self.grid.shape))

    def read_dark(self, where: Slices) -> NDArray[np.float32]:
        """Read part of the volume (z, y, x), standardised and with protein dark.

        Over all voxels that hold data the mean is 0 and the standard deviation 1; outliers are
        clipped. Padding is 0.
        """
        voxels = self.read(where)
        np.clip(voxels, *self.found.limits, out=voxels)
        voxels -= np.float32(self.found.mean)
        voxels *= np.float32((1 if self.protein_is_dark else -1) / self.found.spread)
        data = self.is_data(where)
        if data is not None:
            voxels[~data] = 0
        return voxels

    def box(self, start: tuple[int, ...], size: tuple[int, ...]) -> NDArray[np.float32]:
        """Read `size` voxels from `start` (both z, y, x) as `read_dark` does.

        The tomogram is mirrored beyond the box that holds all its data.
        """
        axes = zip(start, size, strict=True)
        points = [np.arange(first, first + n) for first, n in axes]
        voxels: NDArray[np.float32] = self._gather(self.read_dark, points)
        return voxels

    def data_at(self, points: list[NDArray[np.int_]]) -> NDArray[np.bool_] | None:
        """Return a mask of data at indices along z, y and x, mirrored as by `box`; None if all."""
        found: NDArray[np.bool_] | None = self._gather(self.is_data, points)
        return found

    def _gather(self, read: Any, points: list[NDArray[np.int_]]) -> Any:
        """Read voxels at indices along z, y and x, mirrored beyond the box of the data."""
        axes = zip(points, self.found.first, self.found.stop, strict=True)
        indices = [first + _mirrored(index - first, stop - first) for index, first, stop in axes]
        part = read(tuple(slice(int(i.min()), int(i.max()) + 1) for i in indices))
        return None if part is None else part[np.ix_(*(i - i.min() for i in indices))]


def _bounds(where: Slices, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return slices of all axes, with start and stop."""
    some = where if isinstance(where, tuple) else (where,)
    full = [*some, *[slice(None)] * (len(shape) - len(some))]
    return tuple(slice(*one.indices(n)[:2]) for one, n in zip(full, shape, strict=True))


def _mirrored(index: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    """Mirror indices at the ends of an axis."""
    index = index % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def open_tomogram(
    path: PathLike,
    voxel_size_angstrom: float | None = None,
    protein: Protein = "auto",
    name: str | None = None,
) -> Tomogram:
    """Open a tomogram, survey its voxels once, and log size and contrast.

    It is an MRC, TIFF or EM file of real numbers, or a folder of OME-Zarr. A given voxel size
    replaces the header's; contrast `auto` is estimated from the skewness of the smoothed volume;
    the name is by default that of the file (`name_of`).

    Raises DataError if the file is not a tomogram (missing, damaged, an image, a stack, constant,
    with NaN), or its voxel size is missing or out of range.
    """
    path = Path(path)
    stored = open_volume(path)
    size, source = voxel_size_of(stored, voxel_size_angstrom)
    grid = Grid(stored.shape, size, stored.origin_angstrom, stored.start_voxels)
    found = survey(stored.read_float32, stored.shape, size, str(path))
    is_dark, how = protein != "bright", "given"
    if protein == "auto":
        measured, how = protein_is_dark(found.binned)
        is_dark = measured is not False
    tomogram = Tomogram(path, grid, stored, name or name_of(path), found, is_dark)
    z, y, x = stored.shape
    logger.info(
        "%s: %dx%dx%d voxels (x, y, z) of %.4g A (%s); protein is %s (%s)",
        *(path, x, y, z, size, source, "dark" if is_dark else "bright", how),
    )
    _warn_of_doubts(tomogram)
    return tomogram


def name_of(path: Path) -> str:
    """Return the name of a tomogram, that of its file: `t` for `t.mrc.gz` and `t.ome.zarr`."""
    name = path.name.removesuffix(".gz").removesuffix(".bz2")
    return Path(name).stem.removesuffix(".ome")


def voxel_size_of(stored: StoredVolume, given_angstrom: float | None) -> tuple[float, str]:
    """Return the given voxel size or the header's, in angstrom, and its source.

    Raises DataError if it is missing, out of range, or not that of cubes.
    """
    path, edges = stored.path, stored.edges_angstrom
    remedy = "give the true one with --voxel-size, or in a table's column voxel_size_angstrom"
    if given_angstrom is None:
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
        size, source, remedy = given_angstrom, "given with --voxel-size", "give it in angstrom"
    if not SMALLEST_VOXEL_ANGSTROM <= size <= LARGEST_VOXEL_ANGSTROM:
        raise DataError(
            f"{path}: a voxel size of {size:g} A ({source}) is not between "
            f"{SMALLEST_VOXEL_ANGSTROM:g} and {LARGEST_VOXEL_ANGSTROM:g}; {remedy}"
        )
    return size, source


def _warn_of_doubts(tomogram: Tomogram) -> None:
    """Log unusual properties of a tomogram."""
    z, y, _ = tomogram.grid.shape
    if tomogram.found.padding is not None:
        logger.info(
            "%s: %.1f%% of its voxels hold no data (constant borders, sections or corners) and are "
            "ignored",
            *(tomogram.path, 100 * (1 - tomogram.found.data_fraction)),
        )
    if z > _THIN * y:
        logger.warning(
            "%s: longer along z (%d) than y (%d); if its thickness is along y, rotate it: "
            "thickness along z, tilt axis along y",
            *(tomogram.path, z, y),
        )
    first, stop = tomogram.found.first[0], tomogram.found.stop[0]
    correlation = section_correlation(tomogram.read_dark, first + stop)
    if correlation < _NOT_TILTS:
        logger.warning(
            "%s: neighbouring sections are hardly correlated (%.2f), as in a tilt series; is it a "
            "tomogram?",
            *(tomogram.path, correlation),
        )
