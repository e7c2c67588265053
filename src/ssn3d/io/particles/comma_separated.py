"""CSV files of particles: tomogram, class, position from the first voxel, score.

Positions are in columns x_angstrom, y_angstrom and z_angstrom, as written by ssn3d; in x, y and z,
in angstrom as in tables of copick and of challenges; or in axis-0 (z), axis-1 and axis-2, in
voxels, as napari saves points. Orientations are left out: no two programs name them alike.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.delimited import DelimitedTable, read_delimited
from ssn3d.io.files import PathLike
from ssn3d.io.particles.frame import Frames, frame_values, frames_of, voxels_angstrom
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import write_csv
from ssn3d.io.text_files import listed

_POSITION = ["x_angstrom", "y_angstrom", "z_angstrom"]
_BARE = ["x", "y", "z"]
_OF_NAPARI = ["axis-2", "axis-1", "axis-0"]
_TOMOGRAMS = (
    *("tomogram", "tomogram_name", "tomogram_id", "tomo", "tomo_name", "tomo_id", "rlntomoname"),
    *("experiment", "run_name", "tilt_series", "micrograph"),
)
_NO_NAMES = ("", "score", "index")
_CLASSES = ("class", "particle_type", "object_name")


def read_particles_csv(
    path: PathLike, frames: Frames, pixel_size_angstrom: float | None = None
) -> ParticleTable:
    """Read particles of any CSV dialect; centres in voxels of the frames.

    A given pixel size is the unit of columns x, y, z and axis-0, -1, -2. Raises DataError if the
    file is missing or damaged, lacks a column, has one twice, or holds NaN or infinity.
    """
    table = read_delimited(path)
    sets = (_POSITION, _BARE, _OF_NAPARI)
    columns = next((names for names in sets if set(names) <= set(table.titles)), None)
    if columns is None:
        raise DataError(
            f"{path}: no columns {', '.join(_POSITION)} or x, y, z; rename its columns, which are "
            f"{listed(table.titles)}, separated by {table.separated_by}"
        )
    values = np.column_stack([_numbers(path, table, name) for name in columns])
    scores = np.full(len(values), np.nan)
    if "score" in table.titles:
        scores = _numbers(path, table, "score")
    tomograms, classes = _texts(table, _TOMOGRAMS), _texts(table, _CLASSES)
    others = sorted(set(table.titles) - {*columns, *_CLASSES, *_NO_NAMES})
    if others and not set(_TOMOGRAMS) & set(others):
        logger.warning(
            "%s: taken as particles of one tomogram, since no column is %s; not read are %s",
            *(path, " or ".join(_TOMOGRAMS), listed(others)),
        )
    rows = frames_of(frames, tomograms)
    if columns == _POSITION:
        unit: float | NDArray[np.float64] = 1.0
    elif columns == _BARE:
        unit = 1.0 if pixel_size_angstrom is None else pixel_size_angstrom
        logger.info("%s: x, y and z are in units of %.4g A (--pixel-size)", path, unit)
    else:
        unit = voxels_angstrom(path, rows, pixel_size_angstrom)
    centres = values[:, ::-1] * unit / frame_values(rows, "voxel_size_angstrom")
    return ParticleTable.of_picks(tomograms, centres, scores, classes)


def _numbers(path: PathLike, table: DelimitedTable, title: str) -> NDArray[np.float64]:
    """Read a column (n,) of numbers, with decimal points or commas; empty cells are NaN."""
    column = table.titles.index(title)
    numbers = []
    for line, cells in table.rows:
        cell = cells[column]
        try:
            numbers.append(float(cell.replace(",", ".") or "nan"))
        except ValueError as error:
            message = f"{path}: line {line}, {title}: {cell!r} is not a number; correct it"
            raise DataError(message) from error
    return np.array(numbers, dtype=float)


def _texts(table: DelimitedTable, titles: tuple[str, ...]) -> NDArray[np.str_]:
    """Read the first of the columns (n,) that the table has; "" if it has none."""
    column = next((table.titles.index(title) for title in titles if title in table.titles), None)
    cells = ["" if column is None else cells[column] for _, cells in table.rows]
    return np.array(cells, dtype=np.str_)


def write_particles_csv(path: PathLike, table: ParticleTable, frames: Frames) -> None:
    """Write particles without orientations. Raises WriteError if the file cannot be written."""
    voxels = frame_values(frames_of(frames, table.tomograms), "voxel_size_angstrom")
    rows = pd.DataFrame({"tomogram": table.tomograms, "class": table.particles.pdb_ids})
    rows[_POSITION] = (table.particles.centres[:, ::-1] * voxels).round(6)
    rows["score"] = table.scores
    if table.sizes is not None:
        rows[["diameter_angstrom", "mass_kda"]] = table.sizes.round(1)
    write_csv(path, rows)
