"""SNR of a user's tomogram, of its macromolecules in a band, as simulated tomograms get it.

Signal and noise are measured in each tomogram; their ratio is that at the voxel size of the
simulation, which is known when all tomograms are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.tomogram import Tomogram
from ssn3d.measure.finish import NoiseFit
from ssn3d.measure.measurements import Measurements
from ssn3d.microscope.band_snr import macromolecule_power

_GRID = 64
_NO_DATA = 255


def signal_and_noise(
    tomogram: Tomogram, labels: StoredVolume, found: Measurements
) -> dict[str, Any] | None:
    """Measure a tomogram's macromolecules and noise, as values that JSON can hold.

    `labels` are those of a network. None if noise cannot be told from signal, or there are no
    macromolecules.
    """
    noise, tilts = found.noise, found.tilts_given_deg or found.tilts_seen_deg
    if noise is None or noise.is_low_passed or found.tilts_seen_deg is None:
        return None

    def classes(sections: slice) -> NDArray[Any]:
        read = labels.read(sections)
        data = tomogram.is_data(sections)
        return read if data is None else np.where(data, read, _NO_DATA)

    size = tomogram.grid.voxel_size_angstrom
    power = macromolecule_power(tomogram.read_dark, classes, tomogram.grid.shape, size)
    if power is None:
        return None
    return {
        "power": power,
        "noise": vars(noise),
        "tilt_range_deg": tilts,
        "voxel_size_angstrom": size,
    }


def band_snr(measured: Mapping[str, Any] | None, voxel_size_angstrom: float) -> float | None:
    """SNR in voxels of a size in A, of what `signal_and_noise` found; None if it found nothing."""
    if measured is None:
        return None
    noise, size = NoiseFit(**measured["noise"]), measured["voxel_size_angstrom"]
    coarser = max(size, voxel_size_angstrom)
    return float(
        measured["power"] / noise_variance(noise, measured["tilt_range_deg"], size, coarser)
    )


def noise_variance(
    noise: NoiseFit, tilt_range_deg: tuple[float, float], size: float, coarser: float
) -> float:
    """Variance of noise in voxels of a size in A, as far as voxels of a coarser size hold it.

    Weighted back-projection gives it power within the tilts alone, in proportion to the distance
    from the tilt axis.
    """
    y = np.fft.fftfreq(_GRID)
    z, y, x = y[:, None, None], y[:, None], np.fft.rfftfreq(_GRID)
    angle = np.rad2deg(np.arctan2(z, x))
    low, high = tilt_range_deg
    highest = np.maximum(np.maximum(abs(z), abs(y)), x)
    kept = (angle >= low) & (angle <= high) & (highest <= 0.5 * size / coarser)
    squared = z**2 + y**2 + x**2
    power = noise.per_distance(np.sqrt(squared) / size, size) * np.hypot(z, x)
    power[..., 1:-1] *= 2  # their conjugates
    return float(power[kept].sum() / _GRID**3)
