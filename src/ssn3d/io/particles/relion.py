"""STAR files of RELION 3 to 5, Warp, M and pytom-match-pick.

RELION 4 and Warp have coordinates in pixels of the tilt series from the first one, RELION 5 in
angstrom from the tomogram's centre (`frame`). In both a particle is at its coordinate less its
origin, which is rotated with the subtomogram if that has angles too. RELION 5 reads the optics
from `tomograms.star`; its import takes only files whose first block is that of the particles.
"""

import re
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.io.files import PathLike
from ssn3d.io.particles.frame import Frames, TomogramFrame, frame_values, frames_of
from ssn3d.io.particles.simulated import (
    ANGLES,
    euler_from_rotations,
    optics_groups,
    rotations_from_euler,
)
from ssn3d.io.particles.star_units import CENTRED, PIXELS, StarParticles
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.star_file import read_star_blocks, write_blocks
from ssn3d.io.text_files import listed

Relion = Literal[4, 5]

_CUBE_ANGLES = ["rlnTomoSubtomogramRot", "rlnTomoSubtomogramTilt", "rlnTomoSubtomogramPsi"]
_TOMOGRAMS = ["rlnTomoName", "rlnMicrographName"]
_SCORES = ["rlnAutopickFigureOfMerit", "rlnLCCmax"]  # RELION's and Warp's; pytom-match-pick's
_SIZES = ["ssn3dDiameterAngstrom", "ssn3dMassKilodalton"]
_OF_A_SET = "rlnTomoParticlesFile"
_OF_M = ["wrpCoordinateX1", "wrpCoordinateX"]


def read_star(
    path: PathLike, frames: Frames, pixel_size_angstrom: float | None = None
) -> ParticleTable:
    """Read particles of RELION, Warp, M, pytom-match-pick or this package; centres in voxels.

    A given pixel size is the unit of coordinates that are not centred; by default it is that of the
    file's optics, else of the frames.

    Raises DataError if the file is missing or damaged, has no coordinates of known unit, or holds
    NaN or infinity.
    """
    blocks = read_star_blocks(path)
    table = _particles(path, blocks, pixel_size_angstrom)
    names = next((table[column] for column in _TOMOGRAMS if column in table), None)
    tomograms = np.full(len(table), "") if names is None else names.to_numpy(dtype=np.str_)
    rows = frames_of(frames, tomograms)
    optics = blocks.get("optics", pd.DataFrame())
    found = StarParticles(path, table, optics, rows, pixel_size_angstrom)
    cube_rotations = _rotations(found, _CUBE_ANGLES)
    origins = np.einsum("nij,nj->ni", cube_rotations, found.origins_angstrom())
    angstrom = found.coordinates_angstrom() - origins
    classes = table.get("ssn3dPdbId", pd.Series([""] * len(table))).to_numpy(dtype=np.str_)
    scored = [name for name in _SCORES if name in table][:1]
    scores = found.numbers(scored, may_be_missing=True)[:, 0] if scored else None
    return ParticleTable(
        tomograms,
        Particles(
            classes,
            angstrom / frame_values(rows, "voxel_size_angstrom"),
            cube_rotations @ _rotations(found, ANGLES),
        ),
        np.full(len(table), np.nan) if scores is None else scores,
        oriented=set(ANGLES) <= set(table),
    )


def _particles(
    path: PathLike, blocks: dict[str, pd.DataFrame], pixel_size_angstrom: float | None
) -> pd.DataFrame:
    """Return the block with coordinates, in RELION's columns.

    Raises DataError if there is none, or it is M's, which has no unit, and no unit is given.
    """
    named = {name: _with_relion_columns(block) for name, block in blocks.items()}
    wanted = [set(CENTRED), set(PIXELS)]
    fitting = [n for n, block in named.items() if any(w <= set(block) for w in wanted)]
    files = [file for block in blocks.values() for file in block.get(_OF_A_SET, [])]
    if not fitting and files:
        raise DataError(f"{path}: an optimisation set of RELION; give its particles, {files[0]}")
    if not fitting:
        blocks_there = listed([f"data_{name}" for name in blocks])
        raise DataError(
            f"{path}: no rlnCoordinateX, Y and Z, nor rlnCenteredCoordinateXAngst, YAngst and "
            f"ZAngst, in {blocks_there}; give a table of particles"
        )
    name = "particles" if "particles" in fitting else fitting[0]
    of_m = set(_OF_M) & set(blocks[name]) and not set(PIXELS) & set(blocks[name])
    if of_m and pixel_size_angstrom is None:
        raise DataError(
            f"{path}: M's {_OF_M[0]}, Y1, Z1 are in a unit that the file does not state; give "
            "--pixel-size (1 if they are in angstrom, as M writes them)"
        )
    return named[name]


def _with_relion_columns(block: pd.DataFrame) -> pd.DataFrame:
    """Rename columns of pytom-match-pick (ptm) and M (wrp, the first of its poses) as RELION's."""
    names = {}
    for column in map(str, block):
        of_m = re.fullmatch(r"wrp((?:Coordinate|Angle)[A-Za-z]+)1?", column)
        names[column] = f"rln{of_m[1]}" if of_m else re.sub("^ptm", "rln", column)
    names["wrpSourceName"] = "rlnMicrographName"
    return block.rename(columns={old: new for old, new in names.items() if new not in block})


def _rotations(found: StarParticles, columns: list[str]) -> NDArray[np.float64]:
    """Return rotations (n, 3, 3) in z, y, x; identities if the table has no such angles."""
    if len(found.table) and set(columns) <= set(found.table):
        return rotations_from_euler(found.numbers(columns))
    return np.tile(np.eye(3), (len(found.table), 1, 1))


def write_star(path: PathLike, table: ParticleTable, frames: Frames, relion: Relion) -> None:
    """Write particles for RELION 4 and Warp (with its `rlnMicrographName`), or RELION 5.

    Origins are 0 and not written; angles and scores are written if they are known.

    Raises:
        WriteError: the file cannot be written.
        DataError: a tomogram of the table has no frame.
    """
    rows = frames_of(frames, table.tomograms)
    angstrom = table.particles.centres * frame_values(rows, "voxel_size_angstrom")
    particles = pd.DataFrame({"rlnTomoName": table.tomograms.astype(object)})
    if relion == 5:  # noqa: PLR2004 -- a version
        particles[CENTRED[::-1]] = (angstrom - frame_values(rows, "size_angstrom") / 2)[:, ::-1]
    else:
        pixels = angstrom / frame_values(rows, "pixel_size_angstrom")
        particles[PIXELS[::-1]] = pixels[:, ::-1]
    if table.oriented and len(table):
        particles[ANGLES] = euler_from_rotations(table.particles.rotations)
    if len(table) and np.isfinite(table.scores).all():
        particles[_SCORES[0]] = table.scores
    if table.class_numbers is not None:
        particles["rlnClassNumber"] = table.class_numbers
    if (table.particles.pdb_ids != "").all() and len(table):
        particles["ssn3dPdbId"] = table.particles.pdb_ids
    if table.sizes is not None:
        particles[_SIZES] = table.sizes.round(1)
    if relion == 5:  # noqa: PLR2004
        write_blocks(path, {"particles": particles})
        return
    sizes = [row.pixel_size_angstrom for row in rows]
    if not rows and isinstance(frames, TomogramFrame):
        sizes = [frames.pixel_size_angstrom]
    groups = sorted(set(sizes))
    particles["rlnMicrographName"] = particles["rlnTomoName"]
    particles["rlnOpticsGroup"] = [1 + groups.index(row.pixel_size_angstrom) for row in rows]
    optics = optics_groups(rlnTomoTiltSeriesPixelSize=groups, rlnImagePixelSize=groups)
    write_blocks(path, {"optics": optics, "particles": particles})


def write_import_list(path: PathLike, tomogram: str, star: str) -> None:
    """Write the list of RELION 5's import of coordinates: a tomogram and its STAR file."""
    row = {"rlnTomoName": [tomogram], "rlnTomoImportParticleFile": [star]}
    write_blocks(path, {"coordinate_files": pd.DataFrame(row)})
