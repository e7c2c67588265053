"""SNR of macromolecules in a band, the same for simulated tomograms and those of a user.

Signal is the power from 80 to 250 A at macromolecules minus that at empty voxels, which hold noise
and the streaks of gold and membranes too; noise is the variance of all its frequencies. Crowding,
membranes and gold change this SNR hardly, the ratio of variances in cubes (`variance_snr`) much.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ssn3d.core.classes import BACKGROUND, MACROMOLECULE
from ssn3d.core.errors import SNRError

_BAND_ANGSTROM = (80.0, 250.0)
_POOLED_ANGSTROM = 20.0
"""Largest voxels to which voxels are averaged; smaller ones would take memory."""

Read = Callable[[slice], NDArray[Any]]
"""Reader of sections of a volume (z, y, x)."""


def macromolecule_power(
    read: Read, classes: Read, shape: tuple[int, ...], voxel_size_angstrom: float
) -> float | None:
    """Mean square, in the band, that macromolecules add to a tomogram of a shape (z, y, x).

    `classes` reads the class of each voxel; only macromolecules and background count. None if
    either is missing, or macromolecules add nothing.
    """
    factor = max(1, min(int(_POOLED_ANGSTROM / voxel_size_angstrom), *shape))
    values = _pooled(read, shape, factor)
    squares = _in_band(values, factor * voxel_size_angstrom) ** 2
    means = []
    for wanted in (MACROMOLECULE, BACKGROUND):

        def is_wanted(part: slice, wanted: int = wanted) -> NDArray[np.bool_]:
            return np.asarray(classes(part) == wanted)

        share = _pooled(is_wanted, shape, factor)
        total = share.sum(dtype=np.float64)
        if not total:
            return None
        means.append(float(np.vdot(share, squares) / total))
    power = means[0] - means[1]
    return power if power > 0 else None


def _pooled(read: Read, shape: tuple[int, ...], factor: int) -> NDArray[np.float32]:
    """Read a volume averaged over cubes of `factor` voxels; what fills no cube is left out."""
    depth, height, width = (n // factor for n in shape)
    found = np.empty((depth, height, width), np.float32)
    for z in range(depth):
        part = read(slice(z * factor, (z + 1) * factor))[:, : height * factor, : width * factor]
        cubes = part.reshape(factor, height, factor, width, factor)
        found[z] = cubes.mean((0, 2, 4), dtype=np.float32)
    return found


def _in_band(volume: NDArray[np.float32], voxel_size_angstrom: float) -> NDArray[np.float32]:
    """Keep the frequencies of the band; without torch, which rules that measure do not have."""
    z, y = (scipy.fft.fftfreq(n, voxel_size_angstrom) for n in volume.shape[:2])
    x = scipy.fft.rfftfreq(volume.shape[2], voxel_size_angstrom)
    squared = (z**2)[:, None, None] + (y**2)[:, None] + x**2
    spectrum = scipy.fft.rfftn(volume)
    fine, coarse = _BAND_ANGSTROM
    spectrum[(squared < 1 / coarse**2) | (squared > 1 / fine**2)] = 0
    return np.asarray(scipy.fft.irfftn(spectrum, s=volume.shape), np.float32)


def signal_power(
    signal: NDArray[np.float32], classes: NDArray[np.uint8], voxel_size_angstrom: float
) -> float:
    """Signal of a tomogram without noise (z, y, x). Raises SNRError if there is none."""
    power = macromolecule_power(
        signal.__getitem__, classes.__getitem__, signal.shape, voxel_size_angstrom
    )
    if power is None:
        raise SNRError(
            "snr.reference_id: macromolecules add no power from 80 to 250 A to the tomogram; ask "
            "for more particles (specimen.particles), or measure the SNR in another way"
        )
    return power
