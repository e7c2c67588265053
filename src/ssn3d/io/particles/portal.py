"""Point annotations of the CryoET Data Portal: one JSON object a line, in voxels of the tomogram.

The matrix of an oriented point turns the particle into the tomogram, in x, y, z.
"""

import json

import numpy as np

from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.io.files import PathLike
from ssn3d.io.particles.frame import Frames, frame_of, voxels_angstrom
from ssn3d.io.particles.table import ParticleTable


def read_portal(
    path: PathLike, text: str, frames: Frames, pixel_size_angstrom: float | None = None
) -> ParticleTable:
    """Read points from the text of a file; centres in voxels. Their tomogram has no name.

    Raises DataError, which names the line, if it is damaged.
    """
    located, matrices = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            point = json.loads(line)
            located.append([float(point["location"][axis]) for axis in "zyx"])
            matrix = point.get("xyz_rotation_matrix")
            matrices.append(None if matrix is None else np.array(matrix, float).reshape(3, 3))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            message = f"{path}: line {number} is no point ({error!r}); correct it"
            raise DataError(message) from error
    frame = frame_of(frames, "")
    unit = voxels_angstrom(path, [frame], pixel_size_angstrom)[0, 0]
    positions = np.array(located, dtype=float).reshape(-1, 3)
    count = len(positions)
    turned = [np.eye(3) if matrix is None else matrix for matrix in matrices]
    rotations = np.array(turned).reshape(-1, 3, 3)[:, ::-1, ::-1]
    return ParticleTable(
        np.full(count, ""),
        Particles(np.full(count, ""), positions * unit / frame.voxel_size_angstrom, rotations),
        np.full(count, np.nan),
        oriented=count > 0 and all(matrix is not None for matrix in matrices),
    )
