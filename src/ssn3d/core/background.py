"""Background objects of a tomogram: fiducials, vesicles and filaments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Background:
    """Background objects of one tomogram; their labels follow those of the particles."""

    kinds: NDArray[np.str_]
    """(n,) `fiducial`, `vesicle`, `actin` or `microtubule`."""
    centres: NDArray[np.float64]
    """(n, 3) in voxels, (z, y, x); for a filament, the middle of its axis."""
    sizes_angstrom: NDArray[np.float64]
    """(n,) diameter of a fiducial, mean diameter of a vesicle, length of a filament."""

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.kinds)
