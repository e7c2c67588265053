"""Background objects of a tomogram: membranes, filaments, gold, dirt and carbon."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.classes import BACKGROUND, MACROMOLECULE, class_of_kind


@dataclass(frozen=True)
class Background:
    """Background objects of one tomogram; their labels follow those of the particles."""

    kinds: NDArray[np.str_]
    """(n,) kinds in `classes`, such as `vesicle` or `actin`."""
    centres: NDArray[np.float64]
    """(n, 3) in voxels, (z, y, x); for a filament, the middle of its axis; for a sheet or carbon,
    a point of its plane or edge."""
    sizes_angstrom: NDArray[np.float64]
    """(n,) diameter, of closed membranes and dirt the mean one; length of a filament; thickness of
    a sheet or carbon."""

    def __len__(self) -> int:
        return len(self.kinds)


def classes_of_labels(
    labels: NDArray[np.uint16], particles: int, kinds: NDArray[np.str_]
) -> NDArray[np.uint8]:
    """Classes (z, y, x) of labels, of which the first `particles` are macromolecules.

    The labels above them are background objects of these kinds (n,).
    """
    table = np.full(1 + particles + len(kinds), BACKGROUND, np.uint8)
    table[1 : 1 + particles] = MACROMOLECULE
    table[1 + particles :] = [class_of_kind(str(kind)) for kind in kinds]
    return table[labels]
