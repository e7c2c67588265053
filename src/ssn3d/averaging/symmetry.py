"""Symmetry of particles, and the angle between two orientations of a symmetric particle."""

import re

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ssn3d.core.errors import DataError
from ssn3d.core.point_groups import point_group

_SYMBOL = re.compile(r"[CD][1-9][0-9]?")


def symmetry_rotations(symmetry: str) -> NDArray[np.float64]:
    """Rotations (m, 3, 3), in z, y, x, that map a particle of a point group onto itself.

    Raises DataError for a name other than C1 to C99 and D1 to D99.
    """
    if not _SYMBOL.fullmatch(symmetry.upper()):
        raise DataError(f"symmetry {symmetry!r} is unknown; give C1, Cn or Dn, such as C4 or D7")
    return point_group(symmetry.upper())


def angular_error_deg(
    true: NDArray[np.float64], found: NDArray[np.float64], symmetry: str = "C1"
) -> NDArray[np.float64]:
    """Angles (n,), in degrees, between true and found orientations; the least over the symmetry.

    Orientations are rotations (n, 3, 3) in z, y, x, with x_specimen = R x_structure.
    """
    equivalent = true[:, None] @ symmetry_rotations(symmetry)
    between = np.swapaxes(equivalent, -1, -2) @ found[:, None]
    angles = Rotation.from_matrix(between.reshape(-1, 3, 3)).magnitude()
    return np.asarray(np.rad2deg(angles.reshape(equivalent.shape[:2]).min(axis=1)))
