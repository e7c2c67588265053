"""STAR files of particles between stages of ssn3d, in RELION's convention.

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
from ssn3d.io.files import DELETE, PathLike
from ssn3d.io.star_file import read_star_blocks, star_numbers, write_blocks

_COORDINATES = ["rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"]
_ORIGINS = ["rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst"]
ANGLES = ["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]


def euler_from_rotations(rotations_zyx: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return RELION's (rot, tilt, psi) in degrees, (n, 3), of rotations (n, 3, 3) in z, y, x."""
    rotations_xyz = Rotation.from_matrix(rotations_zyx[:, ::-1, ::-1])
    with warnings.catch_warnings():
        # without a tilt, rot and psi turn about one axis, and any division between them is right
        warnings.filterwarnings("ignore", "Gimbal lock", UserWarning)
        angles: NDArray[np.float64] = rotations_xyz.inv().as_euler("ZYZ", degrees=True)
    return angles


def rotations_from_euler(angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotations (n, 3, 3) in z, y, x of RELION's (rot, tilt, psi) in degrees, (n, 3)."""
    rotations_xyz = Rotation.from_euler("ZYZ", angles_deg, degrees=True).inv().as_matrix()
    return np.ascontiguousarray(rotations_xyz[:, ::-1, ::-1])


def optics_groups(**columns: Sequence[float]) -> pd.DataFrame:
    """Return a table of optics groups, numbered from 1, with columns (n,)."""
    numbers = range(1, len(next(iter(columns.values()))) + 1)
    names = [f"opticsGroup{number}" for number in numbers]
    return pd.DataFrame({"rlnOpticsGroup": numbers, "rlnOpticsGroupName": names, **columns})


def write_particles(
    path: PathLike, particles: Particles, tomogram: str, voxel_size_angstrom: float
) -> None:
    """Write particles as a STAR file with one optics group; row i has label i + 1."""
    optics = optics_groups(rlnImagePixelSize=[voxel_size_angstrom])
    table = pd.DataFrame({"rlnMicrographName": [tomogram] * len(particles)})
    table[_COORDINATES] = particles.centres[:, ::-1]
    table[ANGLES] = euler_from_rotations(particles.rotations)
    table["rlnOpticsGroup"] = 1
    table["ssn3dLabel"] = np.arange(1, len(particles) + 1)
    table["ssn3dPdbId"] = particles.pdb_ids
    write_blocks(path, {"optics": optics, "particles": table})


def write_background(
    path: PathLike, background: Background, first_label: int, tomogram: str
) -> None:
    """Write background objects as a STAR file; row i has label first_label + i."""
    table = pd.DataFrame({"rlnMicrographName": [tomogram] * len(background)})
    table[_COORDINATES] = background.centres[:, ::-1]
    table["ssn3dLabel"] = np.arange(first_label, first_label + len(background))
    table["ssn3dKind"] = background.kinds
    table["ssn3dSizeAngstrom"] = background.sizes_angstrom
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
    """Write particles (n,) of tomograms (n,) with their subtomograms.

    In RELION's convention a particle is at coordinate - origin / voxel size. The coordinate is the
    middle voxel of its cube, size // 2; the origin, at most half a voxel, is the shift in angstrom
    that brings the particle to the middle. `optics` is the configuration's `microscope.optics`.
    """
    groups = optics_groups(
        rlnImagePixelSize=[voxel_size_angstrom],
        rlnImageSize=[size_voxels],
        rlnImageDimensionality=[3],
        rlnVoltage=[optics["voltage_kv"]],
        rlnSphericalAberration=[optics["cs_mm"]],
        rlnAmplitudeContrast=[optics["amplitude_contrast"]],
    )
    middles = nearest_voxels(particles.centres)
    table = pd.DataFrame({"rlnImageName": list(image_names), "rlnMicrographName": tomograms})
    table[_COORDINATES] = middles[:, ::-1].astype(np.float64)
    table[_ORIGINS] = (middles - particles.centres)[:, ::-1] * voxel_size_angstrom
    table[ANGLES] = euler_from_rotations(particles.rotations)
    table["rlnOpticsGroup"] = 1
    table["ssn3dPdbId"] = particles.pdb_ids
    write_blocks(path, {"optics": groups, "particles": table})


def read_particles(path: PathLike) -> Particles:
    """Read particles written by `write_particles`.

    Raises DataError if the file is missing or damaged, lacks a column, or holds NaN or infinity.
    """
    try:
        table = read_star_blocks(path)["particles"]
        centres = star_numbers(table, _COORDINATES)[:, ::-1]
        angles = star_numbers(table, ANGLES)
        pdb_ids = table["ssn3dPdbId"].to_numpy(dtype=np.str_)
        labels = star_numbers(table, ["ssn3dLabel"])[:, 0]
    except (DataError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a particle table of ssn3d ({error}); {DELETE}") from error
    finite = np.isfinite(centres).all() and np.isfinite(angles).all()
    if not finite or not np.array_equal(labels, np.arange(1, len(labels) + 1)):
        raise DataError(f"{path}: coordinates, angles or labels are damaged; {DELETE}")
    return Particles(pdb_ids, np.ascontiguousarray(centres), rotations_from_euler(angles))


def read_background(path: PathLike) -> Background:
    """Read background objects written by `write_background`.

    Raises DataError if the file is missing or damaged.
    """
    try:
        table = read_star_blocks(path)["ground"]
        centres = star_numbers(table, _COORDINATES)[:, ::-1]
        sizes = star_numbers(table, ["ssn3dSizeAngstrom"])[:, 0]
        return Background(table["ssn3dKind"].to_numpy(dtype=np.str_), centres, sizes)
    except (DataError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a table of background objects ({error}); {DELETE}") from error
