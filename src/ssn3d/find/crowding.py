"""How crowded a tomogram is, by the macromolecules that a network sees in it.

Noise makes as many false candidates in a sparse tomogram as in a crowded one, but fewer are right.
"""

import numpy as np

from ssn3d.core.classes import MACROMOLECULE
from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.tomogram import IsData
from ssn3d.picking.segmentation import Values, find_regions

_SMALLEST_ANGSTROM = 60.0
_LARGEST_RATIO = 30.0
"""Tomograms that differ by more are treated as if they differed by this."""
_ANGSTROM_PER_UM = 1e4


def macromolecules_per_um3(
    labels: StoredVolume, voxel_size_angstrom: float, is_specimen: IsData
) -> float:
    """Number of regions of macromolecule in labels of classes, by the volume of the specimen."""
    found = find_regions(
        labels.read_float32,
        labels.shape,
        voxel_size_angstrom,
        threshold=0.5,
        smallest_diameter_angstrom=_SMALLEST_ANGSTROM,
        values=Values("classes", (float(MACROMOLECULE),)),
    )
    voxels, plane = 0, labels.shape[1:]
    for z in range(labels.shape[0]):
        mask = is_specimen((slice(z, z + 1), *(slice(0, n) for n in plane)))
        voxels += int(np.prod(plane)) if mask is None else int(np.count_nonzero(mask))
    volume = max(voxels, 1) * (voxel_size_angstrom / _ANGSTROM_PER_UM) ** 3
    return len(found.scores) / volume


def frequency(searched_per_um3: float, other_per_um3: float) -> float:
    """How many times as frequent particles are in the searched tomograms as in another."""
    if not searched_per_um3 and not other_per_um3:
        return 1.0
    ratio = searched_per_um3 / max(other_per_um3, 1e-9)
    return float(np.clip(ratio, 1 / _LARGEST_RATIO, _LARGEST_RATIO))
