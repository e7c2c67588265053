"""A tomogram of one's own, of any contrast and voxel size, whose voxels stay in its file."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.log import logger
from ssn3d.mrc_sections import Grid, same_voxel_size
from ssn3d.stored_tomogram import Slices, StoredTomogram
from ssn3d.tomogram_checks import section_correlation, skewness, survey
from ssn3d.volume_formats import find_stored

Protein = Literal["auto", "dark", "bright"]

SMALLEST_VOXEL_ANGSTROM, LARGEST_VOXEL_ANGSTROM = 0.5, 50.0
"""Other voxel sizes are mistakes: an atom's, or a cell's."""
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
    stored: StoredTomogram
    name: str
    """With which names of outputs begin; tables of particles know the tomogram by it."""
    protein_is_dark: bool = True
    """Whether it is so in the file; `box` inverts other tomograms."""

    def read(self, where: Slices) -> NDArray[np.float32]:
        """Read part of the volume (z, y, x) as it is in the file."""
        return self.stored.read(where).astype(np.float32).view(np.ndarray)

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
        box = self.read_dark(tuple(slice(index.min(), index.max() + 1) for index in indices))
        return box[np.ix_(*(index - low for index, low in zip(indices, lowest, strict=True)))]


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
        path: an MRC file of real numbers, or a folder of OME-Zarr.
        voxel_size_angstrom: instead of the header's.
        protein: whether it is dark or bright; auto finds out, by the skewness of the smoothed
            volume.
        name: of the tomogram; by default that of its file (`name_of`).

    Raises:
        DataError: the file is not a tomogram (missing, damaged, an image, a stack, constant, with
            NaN), or its voxel size is absent or absurd.
    """
    path = Path(path)
    stored = find_stored(path)
    size, source = _voxel_size(path, stored.edges_angstrom, voxel_size_angstrom)
    grid = Grid(stored.shape, size, stored.origin_angstrom, stored.start_voxels)
    tomogram = OwnTomogram(path, grid, stored, name or name_of(path))
    found = survey(tomogram.read, stored.shape, size, str(path))
    is_dark, how = _contrast(found.binned, protein)
    z, y, x = stored.shape
    logger.info(
        "%s: %dx%dx%d voxels (x, y, z) of %.4g A (%s); protein is %s (%s)",
        *(path, x, y, z, size, source, "dark" if is_dark else "bright", how),
    )
    _warn_of_doubts(tomogram)
    return replace(tomogram, protein_is_dark=is_dark)


def name_of(path: Path) -> str:
    """Name a tomogram after its file, as in `t` for `t.mrc` and `t.ome.zarr`."""
    return path.stem.removesuffix(".ome")


def _contrast(binned: NDArray[np.float32], protein: Protein) -> tuple[bool, str]:
    """Whether protein is dark, and how that is known."""
    if protein != "auto":
        return protein == "dark", "as asked"
    value, clear = skewness(binned)
    if not clear:
        return True, f"a guess, its skewness of {value:.2f} being noise; else --protein bright"
    return value < 0, f"its skewness is {value:.2f}; --protein overrides"


def _voxel_size(
    path: Path, edges: tuple[float, ...], asked_angstrom: float | None
) -> tuple[float, str]:
    """Voxel size in angstrom, and where it comes from. Raises DataError where it is absurd."""
    remedy = "give the true one with --voxel-size"
    if asked_angstrom is None:
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
