"""Particles as STAR files in RELION's convention, as our own stages pass them on.

`files` reads and writes the tables of other programs; its angles are these too.

RELION's coordinates are x, y, z in pixels, its angles ZYZ Euler angles (rot, tilt, psi) that turn
the particle into the reference: the inverse of our rotation
(Heymann et al. 2005, J. Struct. Biol. 151, 196; RELION, `Euler_angles2matrix`).
"""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ssn3d.core.background import Background
from ssn3d.core.cubes import nearest_voxels
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.io.files import PathLike
from ssn3d.io.star_file import read_star_blocks, star_numbers, write_blocks

_COORDINATES = ["rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"]
_ORIGINS = ["rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst"]
_ANGLES = ["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]
_REMEDY = "delete it and rerun"


def euler_from_rotations(rotations_zyx: NDArray[np.float64]) -> NDArray[np.float64]:
    """RELION's (rot, tilt, psi) in degrees, (n, 3), of rotation matrices (n, 3, 3) in z, y, x."""
    rotations_xyz = Rotation.from_matrix(rotations_zyx[:, ::-1, ::-1])
    with warnings.catch_warnings():
        # without a tilt, rot and psi turn about one axis, and any division between them is right
        warnings.filterwarnings("ignore", "Gimbal lock", UserWarning)
        angles: NDArray[np.float64] = rotations_xyz.inv().as_euler("ZYZ", degrees=True)
    return angles


def rotations_from_euler(angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrices (n, 3, 3) in z, y, x of RELION's (rot, tilt, psi) in degrees, (n, 3)."""
    rotations_xyz = Rotation.from_euler("ZYZ", angles_deg, degrees=True).inv().as_matrix()
    return np.ascontiguousarray(rotations_xyz[:, ::-1, ::-1])


def write_particles(
    path: PathLike, particles: Particles, tomogram: str, voxel_size_angstrom: float
) -> None:
    """Write particles as a STAR file with one optics group; row i has label i + 1."""
    optics = pd.DataFrame(
        {
            "rlnOpticsGroup": [1],
            "rlnOpticsGroupName": ["opticsGroup1"],
            "rlnImagePixelSize": [voxel_size_angstrom],
        }
    )
    table = pd.DataFrame({"rlnMicrographName": [tomogram] * len(particles)})
    table[_COORDINATES] = particles.centres[:, ::-1]
    table[_ANGLES] = euler_from_rotations(particles.rotations)
    table["rlnOpticsGroup"] = 1
    table["ssn3dLabel"] = np.arange(1, len(particles) + 1)
    table["ssn3dPdbId"] = particles.pdb_ids
    write_blocks(path, {"optics": optics, "particles": table})


def write_background(path: PathLike, ground: Background, first_label: int, tomogram: str) -> None:
    """Write what is no target as a STAR file; row i has label first_label + i."""
    table = pd.DataFrame({"rlnMicrographName": [tomogram] * len(ground)})
    table[_COORDINATES] = ground.centres[:, ::-1]
    table["ssn3dLabel"] = np.arange(first_label, first_label + len(ground))
    table["ssn3dKind"] = ground.kinds
    table["ssn3dSizeAngstrom"] = ground.sizes_angstrom
    write_blocks(path, {"ground": table})


def write_subtomograms_star(
    path: PathLike,
    particles: Particles,
    *,
    tomograms: Sequence[str],
    image_names: Sequence[str],
    size_voxels: int,
    voxel_size_angstrom: float,
    optics: Mapping[str, float],
) -> None:
    """Write particles (n,) of tomograms (n,) whose images are cubes cut around them.

    A particle lies at its coordinate - its origin / voxel size (RELION's convention). The
    coordinate is the voxel at the middle of its cube, size // 2, a whole number; the rest of the
    centre, at most half a voxel, is the origin, in angstrom: the shift that brings the particle to
    the middle. `optics` is the `microscope.optics` section of the configuration.
    """
    groups = pd.DataFrame(
        {
            "rlnOpticsGroup": [1],
            "rlnOpticsGroupName": ["opticsGroup1"],
            "rlnImagePixelSize": [voxel_size_angstrom],
            "rlnImageSize": [size_voxels],
            "rlnImageDimensionality": [3],
            "rlnVoltage": [optics["voltage_kv"]],
            "rlnSphericalAberration": [optics["cs_mm"]],
            "rlnAmplitudeContrast": [optics["amplitude_contrast"]],
        }
    )
    middles = nearest_voxels(particles.centres)
    table = pd.DataFrame({"rlnImageName": list(image_names), "rlnMicrographName": tomograms})
    table[_COORDINATES] = middles[:, ::-1].astype(np.float64)
    table[_ORIGINS] = (middles - particles.centres)[:, ::-1] * voxel_size_angstrom
    table[_ANGLES] = euler_from_rotations(particles.rotations)
    table["rlnOpticsGroup"] = 1
    table["ssn3dPdbId"] = particles.pdb_ids
    write_blocks(path, {"optics": groups, "particles": table})


def read_particles(path: PathLike) -> Particles:
    """Read particles as `write_particles` wrote them.

    Raises DataError if the file is missing or damaged, lacks a column, or holds NaN or infinity.
    """
    try:
        table = read_star_blocks(path)["particles"]
        centres = star_numbers(table, _COORDINATES)[:, ::-1]
        angles = star_numbers(table, _ANGLES)
        pdb_ids = table["ssn3dPdbId"].to_numpy(dtype=np.str_)
        labels = star_numbers(table, ["ssn3dLabel"])[:, 0]
    except (DataError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a particle table of ssn3d ({error}); {_REMEDY}") from error
    finite = np.isfinite(centres).all() and np.isfinite(angles).all()
    if not finite or not np.array_equal(labels, np.arange(1, len(labels) + 1)):
        raise DataError(f"{path}: coordinates, angles or labels are damaged; {_REMEDY}")
    return Particles(pdb_ids, np.ascontiguousarray(centres), rotations_from_euler(angles))
