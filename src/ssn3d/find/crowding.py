"""How crowded a tomogram is, by the macromolecules that a network sees in it, and one like it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssn3d.io.stored_volume import StoredVolume
from ssn3d.picking.segmentation import Values, find_regions

CROWDING = "macromolecules_per_um3"
_SURE = 0.9
"""Lowest probability of the regions. At 0.5 the network sees up to three times as many in noise as
there are particles in simulated tomograms, at 0.9 up to 1.5 times; and 0.6 times in crowded ones,
where particles touch."""
_SMALLEST_ANGSTROM = 60.0
_MARGIN = 1.5
"""Factor between the particles of simulated tomograms and the macromolecules seen in the user's."""
_FEWEST = 100
"""Fewer would be too few of a target."""
_ANGSTROM_PER_UM = 1e4


def macromolecules_per_um3(
    probability: StoredVolume, voxel_size_angstrom: float, specimen_fraction: float
) -> float:
    """Number of regions of high probability of macromolecule, by the volume of the specimen.

    The specimen is a fraction of the voxels of the volume.
    """
    found = find_regions(
        probability.read_float32,
        probability.shape,
        voxel_size_angstrom,
        threshold=_SURE,
        smallest_diameter_angstrom=_SMALLEST_ANGSTROM,
        values=Values("probability"),
    )
    edges = np.array(probability.shape) * voxel_size_angstrom / _ANGSTROM_PER_UM
    return len(found.scores) / float(np.prod(edges) * specimen_fraction)


def particles_like(per_um3: Sequence[float], specimen: Mapping[str, Any]) -> list[int]:
    """Range of the number of particles in the region, of which those in the ice may fit."""
    edges = specimen["region_size_voxels"]
    x, y, z = (edges[axis] * specimen["voxel_size_angstrom"] / _ANGSTROM_PER_UM for axis in "xyz")
    if specimen["ice"] is not None:
        z = min(z, float(np.mean(specimen["ice"]["thickness_angstrom"])) / _ANGSTROM_PER_UM)
    low, high = min(per_um3) / _MARGIN, max(per_um3) * _MARGIN
    least, most = (max(round(x * y * z * one), _FEWEST) for one in (low, high))
    return [least, max(most, least + 1)]
