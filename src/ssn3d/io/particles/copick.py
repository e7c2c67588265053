"""copick's JSON: the picks of one object in one tomogram, in angstrom from the first voxel.

copick (MIT licence) looks for ExperimentRuns/{run}/Picks/{user}_{session}_{object}.json and takes
user, session and object from the name. The matrix of a point turns the particle into the tomogram,
in x, y, z; its last column shifts it, in angstrom.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.io.files import PathLike, write_json
from ssn3d.io.particles.frame import Frames, frame_of
from ssn3d.io.particles.table import ParticleTable

_PARTS_OF_A_NAME = 3


def read_copick(path: PathLike, content: dict[str, Any], frames: Frames) -> ParticleTable:
    """Read the picks in the content of a file; centres in voxels of the frame of its run.

    Raises DataError if it is damaged, or its unit is not angstrom.
    """
    unit = content.get("unit") or "angstrom"
    if unit != "angstrom":
        raise DataError(f"{path}: unit {unit!r}; convert its positions to angstrom")
    try:
        points = content["points"] or []
        matrices = np.array([_matrix(point) for point in points]).reshape(-1, 4, 4)
        located = [[point["location"][axis] for axis in "xyz"] for point in points]
        positions = np.array(located, dtype=float).reshape(-1, 3) + matrices[:, :3, 3]
        scores = [point.get("score") for point in points]
        scored = np.array([np.nan if score is None else score for score in scores], dtype=float)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not picks of copick ({error!r}); save them again") from error
    run = str(content.get("run_name") or "")
    voxel = frame_of(frames, run).voxel_size_angstrom
    rotations: NDArray[np.float64] = np.ascontiguousarray(matrices[:, 2::-1, 2::-1])
    name = str(content.get("pickable_object_name", ""))
    particles = Particles(np.full(len(points), name), positions[:, ::-1] / voxel, rotations)
    oriented = bool(content.get("trust_orientation", True))
    return ParticleTable(np.full(len(points), run), particles, scored, oriented)


def _matrix(point: dict[str, Any]) -> NDArray[np.float64]:
    """Return the matrix of a point, (4, 4)."""
    matrix = point.get("transformation_")
    return np.eye(4) if matrix is None else np.array(matrix, dtype=float).reshape(4, 4)


def write_copick(path: PathLike, table: ParticleTable, frames: Frames, tomogram: str) -> None:
    """Write the picks of one tomogram; user, session and object are those of the file name.

    Raises:
        DataError: the table has particles of other tomograms.
        WriteError: the file cannot be written.
    """
    if (table.tomograms != tomogram).any():
        raise DataError(f"{path}: copick has one file for a tomogram; write each to its own")
    parts = Path(path).stem.split("_")
    user, session, name = parts if len(parts) == _PARTS_OF_A_NAME else ("ssn3d", "1", "particle")
    voxel = frame_of(frames, tomogram).voxel_size_angstrom
    points = []
    for i in range(len(table)):
        z, y, x = (table.particles.centres[i] * voxel).tolist()
        matrix = np.eye(4)
        matrix[:3, :3] = table.particles.rotations[i, ::-1, ::-1]
        point: dict[str, Any] = {
            "location": {"x": x, "y": y, "z": z},
            "transformation_": matrix.tolist(),
            "instance_id": 0,
        }
        if np.isfinite(table.scores[i]):
            point["score"] = float(table.scores[i])
        points.append(point)
    write_json(
        path,
        {
            "pickable_object_name": name,
            "user_id": user,
            "session_id": session,
            "run_name": tomogram,
            "voxel_spacing": voxel,
            "unit": "angstrom",
            "points": points,
            "trust_orientation": table.oriented,
        },
    )
