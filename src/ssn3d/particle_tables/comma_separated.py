"""CSV files of particles: tomogram, class, position in angstrom from the first voxel, score.

Orientations are left out: no two programs have the same columns for them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ssn3d.csv_files import write_csv
from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.particle_tables.frame import Frames, frame_of
from ssn3d.particle_tables.table import ParticleTable
from ssn3d.particles import Particles

_POSITION = ["x_angstrom", "y_angstrom", "z_angstrom"]


def read_particles_csv(path: PathLike, frames: Frames) -> ParticleTable:
    """Read particles; centres in voxels of the frames.

    Needed are columns x_angstrom, y_angstrom and z_angstrom; tomogram, class and score may be
    there too.

    Raises:
        DataError: the file is missing or damaged, lacks a column, or holds NaN or infinity.
    """
    try:
        table = pd.read_csv(Path(path), dtype={"tomogram": str, "class": str})
        xyz = table[_POSITION].to_numpy(dtype=np.float64)
        scores = np.asarray(table.get("score", np.full(len(table), np.nan)), dtype=np.float64)
    except (OSError, KeyError, ValueError) as error:
        columns = ", ".join(_POSITION)
        message = f"{path}: not a table with columns {columns} ({error}); name them so"
        raise DataError(message) from error
    if not np.isfinite(xyz).all():
        raise DataError(f"{path}: positions are empty or not finite; correct them")
    texts = [table.get(name, pd.Series("", table.index)) for name in ("tomogram", "class")]
    tomograms, classes = (text.fillna("").to_numpy(dtype=np.str_) for text in texts)
    voxels = [frame_of(frames, name).voxel_size_angstrom for name in tomograms]
    centres = xyz[:, ::-1] / np.array(voxels, dtype=float).reshape(-1, 1)
    rotations = np.tile(np.eye(3), (len(table), 1, 1))
    return ParticleTable(tomograms, Particles(classes, centres, rotations), scores, oriented=False)


def write_particles_csv(path: PathLike, table: ParticleTable, frames: Frames) -> None:
    """Write particles without their orientations. Raises WriteError where it cannot be written."""
    voxels = [frame_of(frames, name).voxel_size_angstrom for name in table.tomograms]
    rows = pd.DataFrame({"tomogram": table.tomograms, "class": table.particles.pdb_ids})
    xyz = table.particles.centres[:, ::-1] * np.array(voxels, dtype=float).reshape(-1, 1)
    rows[_POSITION] = xyz.round(6)
    rows["score"] = table.scores
    write_csv(path, rows)
