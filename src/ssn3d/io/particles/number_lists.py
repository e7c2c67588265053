"""Lists of numbers without titles: x, y, z a row (.coords), and tables of Dynamo.

Both are in voxels of the tomogram; of IMOD's model2point, subtract 0.5 from x and y. In a table of
Dynamo a particle is at x, y, z (columns 24 to 26) plus its shift (4 to 6), and column 20 has the
number of its tomogram; its angles are not read.
"""

import re

import numpy as np

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.particles.frame import Frames, frame_values, frames_of, voxels_angstrom
from ssn3d.io.particles.table import ParticleTable

_AXES = 3
_SHIFT, _POSITION = slice(3, 6), slice(23, 26)
_CORRELATION, _TOMOGRAM = 9, 19
_COLUMNS_OF_DYNAMO = 26


def cells_of(line: str) -> list[str]:
    """Split a line at spaces, commas, semicolons and bars; what follows # is a comment."""
    return re.findall(r"[^\s,;|]+", line.partition("#")[0])


def read_number_list(
    path: PathLike, text: str, frames: Frames, pixel_size_angstrom: float | None = None
) -> ParticleTable:
    """Read particles from the text of a file; centres in voxels of the frames.

    Raises DataError if rows differ in length, or have neither 3 nor at least 26 numbers.
    """
    lines = [(i, cells_of(line)) for i, line in enumerate(text.splitlines(), 1)]
    rows = [(i, cells) for i, cells in lines if cells]
    width = len(rows[0][1])
    if width != _AXES and width < _COLUMNS_OF_DYNAMO:
        raise DataError(
            f"{path}: line {rows[0][0]} has {width} numbers, neither x, y, z nor a row of Dynamo; "
            "name the columns in a CSV file"
        )
    numbers = np.array([_row(f"{path}: line {i}", cells, width) for i, cells in rows])
    count = len(numbers)
    tomograms, scores = np.full(count, ""), np.full(count, np.nan)
    positions = numbers
    if width != _AXES:
        logger.info("%s: a table of Dynamo; its angles are not read", path)
        positions = numbers[:, _POSITION] + numbers[:, _SHIFT]
        tomograms = np.array([f"{number:.15g}" for number in numbers[:, _TOMOGRAM]])
        scores = numbers[:, _CORRELATION]
    of_rows = frames_of(frames, tomograms)
    unit = voxels_angstrom(path, of_rows, pixel_size_angstrom)
    message = "%s: x, y, z in voxels of %.4g A (--pixel-size 1 if in angstrom)"
    logger.info(message, path, unit[0, 0])
    centres = positions[:, ::-1] * unit / frame_values(of_rows, "voxel_size_angstrom")
    return ParticleTable.of_picks(tomograms, centres, scores)


def _row(place: str, cells: list[str], width: int) -> list[float]:
    """Read a row of finite numbers. Raises DataError for other cells or another width."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError as error:
        raise DataError(f"{place} holds no numbers ({error}); correct it") from error
    if len(numbers) != width or not np.isfinite(numbers).all():
        raise DataError(f"{place} does not have {width} finite numbers; correct it")
    return numbers
