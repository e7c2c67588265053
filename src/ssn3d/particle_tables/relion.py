"""STAR files of RELION 4, RELION 5 and Warp.

RELION 4 and Warp have coordinates in pixels of the tilt series from the first one, RELION 5 in
angstrom from the tomogram's centre (`frame`). In both a particle is at its coordinate less its
origin, which is in angstrom and turned with the subtomogram where that has angles of its own.
RELION 5 reads its particles before any optics, from `tomograms.star`; its import takes only files
whose first block is the particles'.
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.particle_tables.frame import Frames, TomogramFrame, frame_of
from ssn3d.particle_tables.star_blocks import read_blocks
from ssn3d.particle_tables.table import ParticleTable
from ssn3d.particles import Particles
from ssn3d.star import euler_from_rotations, rotations_from_euler, write_blocks

Relion = Literal[4, 5]

_CENTRED = [f"rlnCenteredCoordinate{axis}Angst" for axis in "ZYX"]
_PIXELS = [f"rlnCoordinate{axis}" for axis in "ZYX"]
_ORIGINS = [f"rlnOrigin{axis}Angst" for axis in "ZYX"]
_ANGLES = ["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]
_CUBE_ANGLES = ["rlnTomoSubtomogramRot", "rlnTomoSubtomogramTilt", "rlnTomoSubtomogramPsi"]
_TOMOGRAMS = ["rlnTomoName", "rlnMicrographName"]
_SCORES = ["rlnAutopickFigureOfMerit", "rlnLCCmax"]  # RELION's and Warp's; pytom-match-pick's
_PIXEL_SIZES = [  # the first found counts: others may be those of binned images
    "rlnTomoTiltSeriesPixelSize",
    "rlnMicrographOriginalPixelSize",
    "rlnImagePixelSize",
    "rlnPixelSize",
]


def read_star(
    path: PathLike, frames: Frames, pixel_size_angstrom: float | None = None
) -> ParticleTable:
    """Read particles of RELION 4 or 5, Warp or this package; centres in voxels of the frames.

    Args:
        path: the STAR file.
        frames: of its tomograms.
        pixel_size_angstrom: unit of coordinates that are not centred; else the file's optics say
            it, or the frames.

    Raises:
        DataError: the file is missing or damaged, has no coordinates, or holds NaN or infinity.
    """
    blocks = read_blocks(path)
    optics = blocks.pop("optics", pd.DataFrame())
    table = blocks.get("particles", next(iter(blocks.values()), pd.DataFrame()))
    centred = set(_CENTRED) <= set(table)
    if not centred and not set(_PIXELS) <= set(table):
        raise DataError(f"{path}: no rlnCoordinateX, Y, Z nor centred ones; give particles")
    names = next((table[column] for column in _TOMOGRAMS if column in table), None)
    tomograms = np.full(len(table), "") if names is None else names.to_numpy(dtype=np.str_)
    rows = [frame_of(frames, name) for name in tomograms]
    if centred:
        angstrom = _numbers(path, table, _CENTRED) + _of_frames(rows, "centre_angstrom", 3)
        if not np.isfinite(angstrom).all():
            raise DataError(
                f"{path}: centred coordinates, of a tomogram that is not given; give it"
            )
    else:
        unit = _pixel_sizes(path, table, optics, pixel_size_angstrom, rows)
        angstrom = _numbers(path, table, _PIXELS) * unit[:, None]
        if not np.isfinite(angstrom).all():
            raise DataError(f"{path}: pixels of unknown size; give the tomogram or the pixel size")
    turned = _rotations(path, table, _CUBE_ANGLES)
    origins = _numbers(path, table, _ORIGINS) if set(_ORIGINS) <= set(table) else np.zeros((1, 3))
    angstrom = angstrom - np.einsum("nij,nj->ni", turned, np.broadcast_to(origins, angstrom.shape))
    classes = table.get("ssn3dPdbId", pd.Series([""] * len(table))).to_numpy(dtype=np.str_)
    scores = next((_numbers(path, table, [name])[:, 0] for name in _SCORES if name in table), None)
    return ParticleTable(
        tomograms,
        Particles(
            classes,
            angstrom / _of_frames(rows, "voxel_size_angstrom", 1),
            turned @ _rotations(path, table, _ANGLES),
        ),
        np.full(len(table), np.nan) if scores is None else scores,
        oriented=set(_ANGLES) <= set(table),
    )


def _of_frames(rows: list[TomogramFrame], attribute: str, width: int) -> NDArray[np.float64]:
    """Values (n, width) of an attribute of the frames of n particles."""
    return np.array([getattr(row, attribute) for row in rows], dtype=float).reshape(-1, width)


def _numbers(path: PathLike, table: pd.DataFrame, columns: list[str]) -> NDArray[np.float64]:
    """Read columns as finite numbers (n, columns)."""
    try:
        values: NDArray[np.float64] = table[columns].to_numpy(dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: {columns[0]} holds no numbers ({error}); correct it") from error
    if not np.isfinite(values).all():
        raise DataError(f"{path}: {columns[0]} or its like hold NaN or infinity; correct them")
    return values


def _rotations(path: PathLike, table: pd.DataFrame, columns: list[str]) -> NDArray[np.float64]:
    """Rotations (n, 3, 3) in z, y, x, of Euler angles; none where the table has no angles."""
    if len(table) and set(columns) <= set(table):
        return rotations_from_euler(_numbers(path, table, columns))
    return np.tile(np.eye(3), (len(table), 1, 1))


def _pixel_sizes(
    path: PathLike,
    table: pd.DataFrame,
    optics: pd.DataFrame,
    given_angstrom: float | None,
    rows: list[TomogramFrame],
) -> NDArray[np.float64]:
    """Unit of each particle's coordinates in angstrom, (n,)."""
    if given_angstrom is not None:
        return np.full(len(table), given_angstrom)
    for column in _PIXEL_SIZES:
        if column in optics and len(optics) == 1:
            return np.repeat(_numbers(path, optics, [column]), len(table))
        if column in optics and {"rlnOpticsGroup"} <= set(table) & set(optics):
            of_group = optics.drop_duplicates("rlnOpticsGroup").set_index("rlnOpticsGroup")
            found = of_group.reindex(table["rlnOpticsGroup"])
            return _numbers(path, found, [column])[:, 0]
        if column in table:
            return _numbers(path, table, [column])[:, 0]
    return _of_frames(rows, "pixel_size_angstrom", 1)[:, 0]


def write_star(path: PathLike, table: ParticleTable, frames: Frames, relion: Relion) -> None:
    """Write particles for RELION 4 and Warp (whose `rlnMicrographName` it has too), or RELION 5.

    Coordinates may be fractions, and origins are zero, so they are not written. Angles and scores
    are written where they are known.

    Raises:
        WriteError: the file cannot be written.
        DataError: a tomogram of the table has no frame.
    """
    rows = [frame_of(frames, name) for name in table.tomograms]
    angstrom = table.particles.centres * _of_frames(rows, "voxel_size_angstrom", 1)
    particles = pd.DataFrame({"rlnTomoName": table.tomograms.astype(object)})
    if relion == 5:  # noqa: PLR2004 -- a version
        particles[_CENTRED[::-1]] = (angstrom - _of_frames(rows, "centre_angstrom", 3))[:, ::-1]
    else:
        pixels = angstrom / _of_frames(rows, "pixel_size_angstrom", 1)
        particles[_PIXELS[::-1]] = pixels[:, ::-1]
    if table.oriented and len(table):
        particles[_ANGLES] = euler_from_rotations(table.particles.rotations)
    if len(table) and np.isfinite(table.scores).all():
        particles[_SCORES[0]] = table.scores
    if table.class_numbers is not None:
        particles["rlnClassNumber"] = table.class_numbers
    if (table.particles.pdb_ids != "").all() and len(table):
        particles["ssn3dPdbId"] = table.particles.pdb_ids
    if relion == 5:  # noqa: PLR2004
        write_blocks(path, {"particles": particles})
        return
    sizes = [row.pixel_size_angstrom for row in rows]
    if not rows and isinstance(frames, TomogramFrame):
        sizes = [frames.pixel_size_angstrom]
    groups = sorted(set(sizes))
    particles["rlnMicrographName"] = particles["rlnTomoName"]
    particles["rlnOpticsGroup"] = [1 + groups.index(row.pixel_size_angstrom) for row in rows]
    write_blocks(path, {"optics": _optics(groups), "particles": particles})


def _optics(pixel_sizes_angstrom: list[float]) -> pd.DataFrame:
    """One optics group for each pixel size."""
    numbers = range(1, len(pixel_sizes_angstrom) + 1)
    return pd.DataFrame(
        {
            "rlnOpticsGroup": numbers,
            "rlnOpticsGroupName": [f"opticsGroup{number}" for number in numbers],
            "rlnTomoTiltSeriesPixelSize": pixel_sizes_angstrom,
            "rlnImagePixelSize": pixel_sizes_angstrom,
        }
    )


def write_import_list(path: PathLike, tomogram: str, star: str) -> None:
    """Write the list that RELION 5's import of coordinates reads: a tomogram and its STAR file.

    Raises WriteError where it cannot be written.
    """
    row = {"rlnTomoName": [tomogram], "rlnTomoImportParticleFile": [star]}
    write_blocks(path, {"coordinate_files": pd.DataFrame(row)})
