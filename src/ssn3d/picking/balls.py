"""What a volume has around picks."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.cubes import nearest_voxels
from ssn3d.io.stored_volume import StoredVolume


def mean_in_balls(
    volume: StoredVolume, centres: NDArray[np.float64], diameter_voxels: float
) -> NDArray[np.float64]:
    """Mean of a volume in balls around centres (n, 3), as far as they are inside."""
    found = np.empty(len(centres))
    for row, (part, middle) in enumerate(around(volume.shape, centres, int(diameter_voxels / 2))):
        values = volume.read_float32(part)
        z, y, x = np.ix_(*(np.arange(n) - at for n, at in zip(values.shape, middle, strict=True)))
        found[row] = values[z**2 + y**2 + x**2 <= (diameter_voxels / 2) ** 2].mean()
    return found


def around(
    shape: tuple[int, ...], centres: NDArray[np.float64], reach: int
) -> Iterator[tuple[tuple[slice, ...], tuple[int, ...]]]:
    """Parts of a volume within reach of centres (n, 3), and the place of each centre in its own."""
    for centre in nearest_voxels(centres).clip(0, np.array(shape) - 1).tolist():
        part = tuple(slice(max(0, place - reach), place + reach + 1) for place in centre)
        yield part, tuple(min(place, reach) for place in centre)
