"""The particles of a tomogram: classes, positions and orientations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Particles:
    """Particles of one tomogram; row i has label i + 1 in the instance volume.

    A point of a structure, relative to its centre of mass and in (z, y, x) order, is in the
    specimen at `rotations[i] @ point + centres[i]`.
    """

    pdb_ids: NDArray[np.str_]
    """(n,) identifiers of the structures."""
    centres: NDArray[np.float64]
    """(n, 3) centres of mass, (z, y, x) in voxels; the centre of voxel (0, 0, 0) is 0."""
    rotations: NDArray[np.float64]
    """(n, 3, 3) rotation matrices in (z, y, x) order."""

    def __len__(self) -> int:
        return len(self.pdb_ids)

    def __getitem__(self, rows: NDArray[np.int_] | NDArray[np.bool_] | slice) -> "Particles":
        return Particles(self.pdb_ids[rows], self.centres[rows], self.rotations[rows])


def joined(parts: Sequence[Particles]) -> Particles:
    """Concatenate the particles of several tomograms."""
    fields = zip(*((p.pdb_ids, p.centres, p.rotations) for p in parts), strict=True)
    return Particles(*map(np.concatenate, fields))
