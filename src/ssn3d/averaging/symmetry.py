"""Point groups C1, Cn and Dn, and the angle between two orientations of a symmetric particle.

The axes are RELION's: the n-fold axis is z, and a two-fold axis of Dn is x.
"""

import re

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ssn3d.core.errors import DataError
from ssn3d.core.symmetry import point_group_rotations

_NAME = re.compile(r"[CD][1-9][0-9]?")


def symmetry_rotations(symmetry: str) -> NDArray[np.float64]:
    """Rotations (m, 3, 3), in z, y, x, that map a particle of this symmetry onto itself.

    Raises DataError for a name other than C1 to C99 and D1 to D99.
    """
    if not _NAME.fullmatch(symmetry.upper()):
        raise DataError(f"symmetry {symmetry!r} is unknown; give C1, Cn or Dn, such as C4 or D7")
    return point_group_rotations(symmetry.upper())


def angular_error_deg(
    true: NDArray[np.float64], found: NDArray[np.float64], symmetry: str = "C1"
) -> NDArray[np.float64]:
    """Angles (n,), in degrees, by which orientations differ; the least over the symmetry.

    Args:
        true: rotations (n, 3, 3) in z, y, x, with x_specimen = R x_structure.
        found: the same.
        symmetry: of the structure, about the axes of the module's docstring.
    """
    equivalent = true[:, None] @ symmetry_rotations(symmetry)
    between = np.swapaxes(equivalent, -1, -2) @ found[:, None]
    angles = Rotation.from_matrix(between.reshape(-1, 3, 3)).magnitude()
    return np.asarray(np.rad2deg(angles.reshape(equivalent.shape[:2]).min(axis=1)))
