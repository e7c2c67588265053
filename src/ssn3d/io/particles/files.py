"""Particle tables: the content shows the format to read, the suffix that to write."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.io.particles.comma_separated import read_particles_csv, write_particles_csv
from ssn3d.io.particles.copick import read_copick, write_copick
from ssn3d.io.particles.frame import Frames, frame_values, frames_of
from ssn3d.io.particles.number_lists import cells_of, read_number_list
from ssn3d.io.particles.portal import read_portal
from ssn3d.io.particles.relion import Relion, read_star, write_star
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.star_file import fits_star
from ssn3d.io.text_files import read_any_text

SUFFIXES = (".star", ".json", ".csv")
_BLOCK = re.compile(r"^[ \t]*data_[^\s,;|]*[ \t]*(#.*)?$", re.MULTILINE)
_FIRST_ROW = re.compile(r"^[ \t]*([^#\s].*)$", re.MULTILINE)
_LEAST_DETERMINANT = 1e-6
"""Of a rotation, which may be scaled."""


def check_suffix(path: PathLike) -> str:
    """Return the suffix of a table to write. Raises DataError if there is no such format."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: unknown format of particle table; name it .star, .json or .csv")
    return suffix


def check_name(tomogram: str) -> str:
    """Return a tomogram's name. Raises DataError if tables cannot hold it."""
    if not fits_star(tomogram):
        raise DataError(f"{tomogram!r} cannot name a tomogram in a table; give another with --name")
    return tomogram


def read_particle_table(
    path: PathLike, frames: Frames, pixel_size_angstrom: float | None = None
) -> ParticleTable:
    """Read particles of any format; centres in voxels of their tomograms.

    Formats are STAR, JSON of copick or of the CryoET Data Portal, CSV, lists of x, y, z, and
    Dynamo's table. A given pixel size is the unit of coordinates in pixels or voxels, instead of
    the file's.

    Raises DataError if the file is missing or damaged, of no known format, or holds NaN, infinity
    or a matrix that is no rotation.
    """
    table = _read(path, frames, pixel_size_angstrom)
    particles = table.particles
    for name, values in (("positions", particles.centres), ("orientations", particles.rotations)):
        if not np.isfinite(values).all():
            raise DataError(f"{path}: {name} are empty or not finite; correct them")
    wrong = np.linalg.det(particles.rotations) <= _LEAST_DETERMINANT
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(f"{path}: the transformation of point {first} is no rotation; correct it")
    centres = particles.centres - _offsets_voxels(table, frames)
    return replace(table, particles=replace(particles, centres=centres))


def _read(path: PathLike, frames: Frames, pixel_size_angstrom: float | None) -> ParticleTable:
    """Read particles with positions from the first voxel of the whole tomogram."""
    text = read_any_text(path)
    first = _FIRST_ROW.search(text)
    if first is None:
        raise DataError(f"{path}: no table of particles, it is empty; give another file")
    if first[1][0] in "{[":
        content = _json(path, text)
        if content is None:
            return read_portal(path, text, frames, pixel_size_angstrom)
        return read_copick(path, content, frames)
    if _BLOCK.search(text):
        return read_star(path, frames, pixel_size_angstrom)
    cells = cells_of(first[1])
    if cells and all(map(_is_number, cells)):
        return read_number_list(path, text, frames, pixel_size_angstrom)
    return read_particles_csv(path, frames, pixel_size_angstrom)


def _json(path: PathLike, text: str) -> dict[str, Any] | None:
    """Read the object of a file of copick; None for the portal's, with one object a line.

    Raises DataError if it is neither.
    """
    if '"location"' in text.partition("\n")[0] and '"points"' not in text:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not a readable JSON file ({error}); save it again") from error
    if isinstance(content, dict) and "boxes_3d" in content:
        raise DataError(
            f"{path}: EMAN2's boxes_3d are not read, since their origin depends on its version; "
            "convert them to CSV with columns x_angstrom, y_angstrom, z_angstrom"
        )
    if not isinstance(content, dict) or "points" not in content:
        raise DataError(
            f"{path}: neither copick's picks (it lacks points) nor the CryoET Data Portal's; "
            "convert it to CSV with columns x_angstrom, y_angstrom, z_angstrom"
        )
    return content


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _offsets_voxels(table: ParticleTable, frames: Frames) -> NDArray[np.float64]:
    """Return the first voxels (n, 3) of cropped tomograms in the whole ones."""
    rows = frames_of(frames, table.tomograms)
    return frame_values(rows, "offset_angstrom") / frame_values(rows, "voxel_size_angstrom")


def write_particle_table(
    path: PathLike, table: ParticleTable, frames: Frames, *, tomogram: str, relion: Relion = 5
) -> None:
    """Write particles, possibly none, in the format of the suffix.

    `tomogram` is the name of the single run in copick's JSON; `relion` the STAR dialect, 4 (RELION
    4, Warp, M) or 5.

    Raises:
        DataError: no such format, or one that cannot hold this table or its names.
        WriteError: the file cannot be written.
    """
    suffix = check_suffix(path)
    for name in {tomogram, *table.tomograms.tolist()}:
        check_name(name)
    centres = table.particles.centres + _offsets_voxels(table, frames)
    table = replace(table, particles=replace(table.particles, centres=centres))
    if suffix == ".json":
        write_copick(path, table, frames, tomogram)
    elif suffix == ".csv":
        write_particles_csv(path, table, frames)
    else:
        write_star(path, table, frames, relion)
