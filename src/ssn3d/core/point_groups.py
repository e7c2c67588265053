"""Point groups of rotations, about RELION's axes: n-fold axis z, two-fold axis of Dn x."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def point_group(symbol: str) -> NDArray[np.float64]:
    """Rotation matrices (m, 3, 3), in (z, y, x), of a group: C1, Cn, Dn, T, O or I.

    Raises ValueError for other symbols.
    """
    group = Rotation.create_group(symbol, axis="Z")  # type: ignore[arg-type] # a checked string
    return np.ascontiguousarray(group.as_matrix()[:, ::-1, ::-1])
