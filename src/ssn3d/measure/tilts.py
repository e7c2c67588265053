"""Range of tilts that the power spectrum of a tomogram shows."""

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.wedge import BIN_DEG, AngularPower, angular_power
from ssn3d.io.tomogram import Tomogram

_MOST_VOXELS = 512
"""Depth and width read."""
_MOST_ROWS = 64
_HALF = 0.5
"""Relative power at an edge of the range."""
_WIDEST_DEG = 160.0
"""Wider ranges leave no wedge, as noise or an isotropic volume does."""
_FEWEST_VOXELS = 16
"""Thinner volumes blur angles too much."""


def find_tilt_range(tomogram: Tomogram, middle_z: float) -> tuple[float, float] | None:
    """Lowest and highest tilt in degrees, None if not seen; the middle of the volume is read."""
    if min(tomogram.grid.shape[::2]) < _FEWEST_VOXELS:
        return None
    return tilt_range_of(angular_power(_middle(tomogram, middle_z)))


def _middle(tomogram: Tomogram, middle_z: float) -> NDArray[np.float32]:
    """Read rows (z, rows, x) around the middle of a tomogram."""
    limits = (_MOST_VOXELS, _MOST_ROWS, _MOST_VOXELS)
    centres = (middle_z, tomogram.grid.shape[1] / 2, tomogram.grid.shape[2] / 2)
    part = []
    for length, most, centre in zip(tomogram.grid.shape, limits, centres, strict=True):
        size = min(length, most)
        first = min(max(0, round(centre - size / 2)), length - size)
        part.append(slice(first, first + size))
    return tomogram.read_dark(tuple(part))


def tilt_range_of(power: AngularPower) -> tuple[float, float] | None:
    """Edges of the recorded angles, interpolated to half the power of their neighbours inside.

    None unless one range is recorded, with sharp edges and the same in all rings.
    """
    found = power.recorded_deg()
    if found is None or found[1] - found[0] > _WIDEST_DEG:
        return None
    angles, level = power.angles_deg, np.median(power.rings, axis=0)
    first, last = (
        int(np.argmin(np.abs(angles - edge)))
        for edge in (found[0] + BIN_DEG / 2, found[1] - BIN_DEG / 2)
    )
    low = _edge(angles[: first + 4], level[: first + 4])
    high = -_edge(-angles[last - 3 :][::-1], level[last - 3 :][::-1])
    return low, high


def _edge(angles: NDArray[np.float64], level: NDArray[np.float64]) -> float:
    """Angle at which the power rises to half that of the last bins, all within the range."""
    half = _HALF * float(level[-2:].mean())
    below = np.flatnonzero(level < half)
    if not len(below):
        return float(angles[0]) - BIN_DEG / 2
    i = int(below[-1])
    share = (half - level[i]) / (level[i + 1] - level[i])
    return float(angles[i] + share * (angles[i + 1] - angles[i]))
