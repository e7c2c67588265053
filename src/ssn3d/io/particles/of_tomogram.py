"""Particles of one tomogram, read from a table of several tomograms, or in another unit."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import TomogramFrame, read_tomograms_star
from ssn3d.io.particles.names import same_tomogram
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.star_file import fits_star
from ssn3d.io.text_files import listed
from ssn3d.io.tomogram import Tomogram

_SAME_SIZE_VOXELS = 2.0
_HALF = 0.5
_FEWEST = 5
"""Chance puts this many particles into one eighth of a tomogram once in 33,000 times."""
_OTHER_UNIT = (
    "their unit may be another: give --pixel-size or, for a cropped tomogram, --tomograms and "
    "--offset"
)


@dataclass(frozen=True)
class TableOptions:
    """Name, units and offset of a tomogram in tables that do not state them."""

    name: str | None = None
    """Tomogram name in the tables; by default that of its file."""
    tomograms: PathLike | None = None
    """RELION's tomograms.star, for the size and pixel size of the unbinned tomogram."""
    pixel_size_angstrom: float | None = None
    """Unit of coordinates in pixels or voxels, overriding the file's."""
    offset_voxels: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """First voxel (x, y, z) of a cropped tomogram in the whole one."""


_DEFAULTS = TableOptions()


def frame_of_tomogram(tomogram: Tomogram, options: TableOptions = _DEFAULTS) -> TomogramFrame:
    """Return the transformation from positions in tables to voxels of a tomogram."""
    grid = tomogram.grid
    return frame_of_volume(tomogram.name, grid.shape, grid.voxel_size_angstrom, options)[1]


def frame_of_volume(
    name: str,
    shape: tuple[int, int, int],
    voxel_size_angstrom: float,
    options: TableOptions = _DEFAULTS,
) -> tuple[str, TomogramFrame]:
    """Return the name of a tomogram (z, y, x) in tables, and its frame.

    `name` is that of its file. If the options have RELION's tomograms, name and size are theirs.

    Raises DataError if the file of tomograms is damaged, or has none or several of this name.
    """
    x, y, z = (offset * voxel_size_angstrom for offset in options.offset_voxels)
    size: tuple[float, float, float] = tuple(n * voxel_size_angstrom for n in shape)  # type: ignore[assignment]
    name, pixel = options.name or name, options.pixel_size_angstrom or voxel_size_angstrom
    if options.tomograms is not None:
        frames = read_tomograms_star(options.tomograms)
        found = same_tomogram(name, frames)
        if found is None:
            known = listed(list(frames))
            raise DataError(f"{options.tomograms}: no tomogram {name}; give --name, of {known}")
        whole = frames[found].size_angstrom
        differ = np.abs(np.subtract(whole, size)).max() > _SAME_SIZE_VOXELS * voxel_size_angstrom
        if differ and not any((x, y, z)):
            logger.warning(
                "%s: %s has %s A (x, y, z), but the volume %s A; if it was cropped, give --offset",
                *(options.tomograms, found, _shown(whole), _shown(size)),
            )
        name, size = found, whole
        pixel = options.pixel_size_angstrom or frames[found].pixel_size_angstrom
    elif any((x, y, z)):
        raise DataError("--offset: give --tomograms, too, for the size of the whole tomogram")
    return name, TomogramFrame(size, voxel_size_angstrom, pixel, (z, y, x))


def _shown(size_angstrom: tuple[float, ...]) -> str:
    """Format a size (z, y, x) as x, y, z."""
    return " x ".join(f"{length:.0f}" for length in size_angstrom[::-1])


def read_particles_of(
    path: PathLike, tomogram: Tomogram, options: TableOptions = _DEFAULTS
) -> ParticleTable:
    """Read a tomogram's particles; if the table has several tomograms, those of its name.

    Raises DataError if the file is damaged, or has no particles in it or most of them outside.
    """
    frame = frame_of_tomogram(tomogram, options)
    table = read_particle_table(path, frame, options.pixel_size_angstrom)
    table = particles_named(path, table, tomogram.name, options.name)
    if not len(table):
        raise DataError(f"{path}: no particles of tomogram {tomogram.name}; pick some")
    odd = [name for name in set(table.particles.pdb_ids.tolist()) if not fits_star(name)]
    if odd:
        raise DataError(f"{path}: class {odd[0]!r} cannot be written to a STAR file; rename it")
    cropped = any(options.offset_voxels)
    table = placed(path, table, tomogram.path, tomogram.grid.shape, cropped=cropped)
    logger.info("%s: %d particles", path, len(table))
    return table


def particles_named(
    path: PathLike, table: ParticleTable, name: str, given: str | None
) -> ParticleTable:
    """Select the particles of a tomogram by the given name or, without one, by its file's.

    Without a given name, a table of a single other tomogram is accepted with a warning.

    Raises DataError if it has particles of others only, or several names fit.
    """
    names = sorted(set(table.tomograms.tolist()) - {""})
    if not names:
        return table
    found = same_tomogram(given or name, names)
    if found is not None:
        return table[table.tomograms == found]
    if given is not None or len(names) > 1 or "" in table.tomograms:
        raise DataError(
            f"{path}: no particles of tomogram {given or name}; give --name, of {listed(names)}"
        )
    logger.warning(
        "%s: particles of tomogram %s, used for %s; if these are two tomograms, give another table",
        *(path, names[0], name),
    )
    return table


def placed(
    path: PathLike,
    table: ParticleTable,
    volume: Path,
    shape: tuple[int, int, int],
    *,
    cropped: bool,
) -> ParticleTable:
    """Check positions against a volume (z, y, x); those outside of a crop are left out.

    A warning is logged if some are outside of a whole tomogram, or all near its first voxel.

    Raises DataError if more than half are outside or, for a crop, all.
    """
    centres = table.particles.centres
    inside = ((centres >= -_HALF) & (centres < np.array(shape) - _HALF)).all(axis=1)
    outside = int((~inside).sum())
    z, y, x = shape
    where = f"of {len(table)} particles are outside of {volume} ({x}x{y}x{z} voxels, x, y, z)"
    if outside and (outside == len(table) if cropped else 2 * outside > len(table)):
        raise DataError(f"{path}: {outside} {where}; {_OTHER_UNIT}")
    if outside and cropped:
        logger.info("%s: %d %s; left out", path, outside, where)
        return table[np.flatnonzero(inside)]
    if outside:
        logger.warning("%s: %d %s; %s", path, outside, where, _OTHER_UNIT)
    elif len(table) >= _FEWEST and (centres < np.array(shape) / 2).all():
        message = "%s: all particles are in the corner of %s at its first voxel; %s"
        logger.warning(message, path, volume, _OTHER_UNIT)
    return table
