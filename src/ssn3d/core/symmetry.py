"""Point groups of rotations: Cn, Dn, T, O and I."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def point_group_rotations(name: str) -> NDArray[np.float64]:
    """Rotations (m, 3, 3), in z, y, x order, of a point group by its Schoenflies symbol.

    The n-fold axis is z, and a two-fold axis of Dn is x. Raises ValueError for an unknown symbol.
    """
    group = Rotation.create_group(name, axis="Z")  # type: ignore[arg-type] # or ValueError
    return np.ascontiguousarray(group.as_matrix()[:, ::-1, ::-1])
