"""Frames of tomograms: units, origin and centre of the positions in a file.

A position p in voxels of size a, 0 being the centre of the first voxel, is a * p angstrom from that
centre, as in copick's files and, in pixels of the tilt series, RELION 4's and Warp's. So binning
scales positions and does not shift them, if the centres of the first voxels coincide; where voxels
were averaged in blocks, as by `binvol`, they differ by half a voxel less half a pixel.

RELION 4 adds 1 to `rlnCoordinateX`, `Y` and `Z` before it projects them (`ParticleSet::getPosition`
in 4.0.0 to 4.0.2), but the first voxel of its tomograms is at 1 too (`--x0`, `--y0`, `--z0` of
`relion_tomo_reconstruct_tomogram`), as is IMOD's by its import. RELION 5 does neither: it counts
from the tomogram's centre, w/2 voxels from the centre of the first voxel, as its extraction does.
Other programs, and RELION 5's picker, take w/2 - 1 or w // 2 (3dem/relion issues 1137 and 1353);
their positions differ by up to a pixel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.io.particles.names import same_tomogram
from ssn3d.io.star_file import read_star_blocks, star_numbers
from ssn3d.io.text_files import listed

_SIZES = ["rlnTomoSizeZ", "rlnTomoSizeY", "rlnTomoSizeX"]
_PIXEL = "rlnTomoTiltSeriesPixelSize"
_BINNING = "rlnTomoTomogramBinning"


@dataclass(frozen=True)
class TomogramFrame:
    """Transformation from positions in a file to voxels of a tomogram."""

    size_angstrom: tuple[float, float, float]
    """Size of the whole tomogram, (z, y, x); its centre is half as far from the first voxel's."""
    voxel_size_angstrom: float
    """Unit of the resulting positions; the tomogram may be binned."""
    pixel_size_angstrom: float
    """Pixel size of the tilt series, the unit of RELION 4's and Warp's coordinates. NaN for tables
    without a tomogram, whose voxels are angstrom."""
    offset_angstrom: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """First voxel (z, y, x) of a cropped tomogram in the whole one, to which files refer."""

    @classmethod
    def of_volume(
        cls,
        shape: tuple[int, ...],
        voxel_size_angstrom: float,
        pixel_size_angstrom: float | None = None,
    ) -> "TomogramFrame":
        """Return the frame of a volume (z, y, x), not binned if no pixel size is given."""
        z, y, x = (length * voxel_size_angstrom for length in shape)
        return cls((z, y, x), voxel_size_angstrom, pixel_size_angstrom or voxel_size_angstrom)


Frames = TomogramFrame | Mapping[str, TomogramFrame]
"""One frame for all tomograms of a table, or one for each by name."""


def frame_of(frames: Frames, tomogram: str) -> TomogramFrame:
    """Return the frame of a tomogram. Raises DataError if there is none."""
    if isinstance(frames, TomogramFrame):
        return frames
    if not tomogram and len(frames) == 1:
        return next(iter(frames.values()))
    known = same_tomogram(tomogram, frames)
    if known is None:
        raise DataError(
            f"{tomogram or 'a tomogram without a name'}: no such tomogram; known are "
            f"{listed(list(frames))}; name one of them"
        )
    return frames[known]


def frames_of(frames: Frames, tomograms: NDArray[np.str_]) -> list[TomogramFrame]:
    """Return the frame of each particle's tomogram, (n,). Raises DataError if there is none."""
    names = tomograms.tolist()
    by_name = {name: frame_of(frames, name) for name in set(names)}
    return [by_name[name] for name in names]


def frame_values(frames: Sequence[TomogramFrame], attribute: str) -> NDArray[np.float64]:
    """Return an attribute of n frames, (n, 1) for voxel and pixel sizes, (n, 3) for others."""
    width = 1 if attribute in {"voxel_size_angstrom", "pixel_size_angstrom"} else 3
    values = [getattr(frame, attribute) for frame in frames]
    return np.array(values, dtype=float).reshape(-1, width)


def voxels_angstrom(
    path: PathLike, frames: Sequence[TomogramFrame], given_angstrom: float | None
) -> NDArray[np.float64]:
    """Return the unit (n, 1) of coordinates in voxels: the given one, else the tomograms'.

    Raises DataError if a tomogram is not known.
    """
    unit = frame_values(frames, "voxel_size_angstrom")
    if given_angstrom is not None:
        return np.full_like(unit, given_angstrom)
    if not np.isfinite(frame_values(frames, "pixel_size_angstrom")).all():
        raise DataError(f"{path}: voxels of unknown size; give the tomogram or --pixel-size")
    return unit


def read_tomograms_star(path: PathLike) -> dict[str, TomogramFrame]:
    """Read the frames of tomograms, by name and in binned voxels, from RELION's tomograms.star.

    Raises DataError if it is missing or damaged, or lacks a column.
    """
    blocks = read_star_blocks(path)
    table = blocks.get("global", next(iter(blocks.values())))
    missing = [name for name in ("rlnTomoName", _PIXEL, *_SIZES) if name not in table]
    if missing:
        raise DataError(f"{path}: no {', '.join(missing)}; give RELION's tomograms.star")
    optional = [_BINNING] if _BINNING in table else []
    try:
        numbers = star_numbers(table, [_PIXEL, *_SIZES, *optional])
    except ValueError as error:
        raise DataError(f"{path}: not numbers ({error}); correct it") from error
    if not (np.isfinite(numbers) & (numbers > 0)).all():
        raise DataError(f"{path}: a pixel size, size or binning is not above 0; correct it")
    frames = {}
    for name, (pixel, z, y, x, *binning) in zip(table["rlnTomoName"], numbers, strict=True):
        size = float(z * pixel), float(y * pixel), float(x * pixel)
        voxel = pixel * (binning[0] if binning else 1)
        if str(name) in frames:
            raise DataError(f"{path}: tomogram {name} is listed twice; keep one row")
        frames[str(name)] = TomogramFrame(size, float(voxel), float(pixel))
    return frames
