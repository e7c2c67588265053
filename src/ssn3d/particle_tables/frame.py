"""Where the positions in a file are in a tomogram: units, origin, and the tomogram's centre.

A position p in voxels of size a, the centre of the first voxel being 0, is a * p angstrom from the
centre of the first voxel. That is copick's position, and RELION 4's and Warp's times the pixel
size of the tilt series. So binning scales positions and does not shift them: the centres of the
first voxels of the binned and the unbinned tomogram coincide. (They do not where voxels were
averaged in blocks, as by `binvol`: there the difference is half a voxel less half a pixel.)

RELION 4 adds 1 to `rlnCoordinateX`, `Y` and `Z` before it projects them (`ParticleSet::getPosition`
in 4.0.0 to 4.0.2), and its tomograms have their first voxel at 1 as well (`--x0`, `--y0`, `--z0` of
`relion_tomo_reconstruct_tomogram`), as have those of IMOD by its import. So its coordinates count
from the centre of the first voxel, which is 0. RELION 5 does neither.

RELION 5 counts from the tomogram's centre. There is one definition of it here: half the
tomogram's size, w/2 voxels from the centre of the first voxel, as RELION 5's extraction takes it.
That is the centre of voxel w/2 where w is even, and between two voxels where it is odd. Other
programs, and RELION 5's own picker, take w/2 - 1 or w // 2 (3dem/relion issues 1137 and 1353);
their positions differ by up to a pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.particle_tables.star_blocks import first_block

_SIZES = ["rlnTomoSizeZ", "rlnTomoSizeY", "rlnTomoSizeX"]
_PIXEL = "rlnTomoTiltSeriesPixelSize"
_BINNING = "rlnTomoTomogramBinning"


@dataclass(frozen=True)
class TomogramFrame:
    """What turns positions in a file into voxels of a tomogram."""

    size_angstrom: tuple[float, float, float]
    """Of the whole tomogram, (z, y, x)."""
    voxel_size_angstrom: float
    """Of the voxels in which positions are wanted; the tomogram may be binned."""
    pixel_size_angstrom: float
    """Of the tilt series, the unit of RELION 4's and Warp's coordinates."""

    @classmethod
    def of_volume(
        cls,
        shape: tuple[int, ...],
        voxel_size_angstrom: float,
        pixel_size_angstrom: float | None = None,
    ) -> "TomogramFrame":
        """Make it from a volume (z, y, x). Without a pixel size, the volume is not binned."""
        z, y, x = (length * voxel_size_angstrom for length in shape)
        return cls((z, y, x), voxel_size_angstrom, pixel_size_angstrom or voxel_size_angstrom)

    @property
    def centre_angstrom(self) -> NDArray[np.float64]:
        """Centre of the tomogram, (z, y, x) from the centre of the first voxel: half its size."""
        return np.array(self.size_angstrom) / 2


Frames = TomogramFrame | Mapping[str, TomogramFrame]
"""One frame for all tomograms of a table, or one for each by name."""


def frame_of(frames: Frames, tomogram: str) -> TomogramFrame:
    """Give the frame of a tomogram. Raises DataError where there is none."""
    if isinstance(frames, TomogramFrame):
        return frames
    if tomogram not in frames:
        known = ", ".join(frames)
        raise DataError(f"{tomogram}: no such tomogram; known are {known}; name one of them")
    return frames[tomogram]


def read_tomograms_star(path: PathLike) -> dict[str, TomogramFrame]:
    """Read RELION's tomograms.star: the frame of each tomogram by its name, in binned voxels.

    Raises DataError where it is missing or damaged, or lacks a column.
    """
    table = first_block(path, "global")
    missing = [name for name in ("rlnTomoName", _PIXEL, *_SIZES) if name not in table]
    if missing:
        raise DataError(f"{path}: no {', '.join(missing)}; give RELION's tomograms.star")
    pixels = table[_PIXEL].to_numpy(dtype=float)
    sizes = table[_SIZES].to_numpy(dtype=float) * pixels[:, None]
    binnings = table[_BINNING].to_numpy(dtype=float) if _BINNING in table else np.ones(len(table))
    numbers = np.column_stack([pixels, sizes, binnings])
    if not (np.isfinite(numbers) & (numbers > 0)).all():
        raise DataError(f"{path}: a pixel size, size or binning is not above 0; correct it")
    rows = zip(table["rlnTomoName"], sizes.tolist(), pixels, binnings, strict=True)
    return {
        str(name): TomogramFrame(tuple(size), float(pixel * binning), float(pixel))
        for name, size, pixel, binning in rows
    }
