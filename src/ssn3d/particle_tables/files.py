"""Particle tables by the suffix of their file: .star, .json (copick), .csv."""

from pathlib import Path

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.particle_tables.comma_separated import read_particles_csv, write_particles_csv
from ssn3d.particle_tables.copick import read_copick, write_copick
from ssn3d.particle_tables.frame import Frames
from ssn3d.particle_tables.relion import Relion, read_star, write_star
from ssn3d.particle_tables.table import ParticleTable

SUFFIXES = (".star", ".json", ".csv")


def check_suffix(path: PathLike) -> str:
    """Give the suffix of a table's file. Raises DataError where there is no such format."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: no known table of particles; name it .star, .json or .csv")
    return suffix


def read_particle_table(
    path: PathLike, frames: Frames, pixel_size_angstrom: float | None = None
) -> ParticleTable:
    """Read particles of any format; centres in voxels of their tomograms.

    Args:
        path: STAR file of RELION 4, RELION 5 or Warp, JSON of copick, or CSV.
        frames: of the tomograms; a single one for all.
        pixel_size_angstrom: unit of RELION 4's and Warp's coordinates, instead of the file's.

    Raises:
        DataError: the file is missing or damaged, of no known format, or holds NaN or infinity.
    """
    suffix = check_suffix(path)
    if suffix == ".json":
        return read_copick(path, frames)
    if suffix == ".csv":
        return read_particles_csv(path, frames)
    return read_star(path, frames, pixel_size_angstrom)


def write_particle_table(
    path: PathLike,
    table: ParticleTable,
    frames: Frames,
    *,
    tomogram: str,
    relion: Relion = 5,
) -> None:
    """Write particles in the format of the suffix.

    Args:
        path: where to.
        table: the particles; perhaps none.
        frames: of the tomograms; a single one for all.
        tomogram: the run of copick's JSON, which holds one.
        relion: version of RELION for a STAR file; 4 is Warp's form too.

    Raises:
        DataError: no such format, or one that cannot hold this table.
        WriteError: the file cannot be written.
    """
    suffix = check_suffix(path)
    if suffix == ".json":
        write_copick(path, table, frames, tomogram)
    elif suffix == ".csv":
        write_particles_csv(path, table, frames)
    else:
        write_star(path, table, frames, relion)
