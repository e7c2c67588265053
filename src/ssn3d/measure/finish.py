"""Low-pass filter, quantisation and denoising that the voxels of a tomogram show."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.io.tomogram import Tomogram
from ssn3d.measure.spectrum import Spectrum

_FITTED_CYCLES = (0.3, 0.48)
"""Frequencies fitted: above the signal, below Nyquist."""
_LOWEST_CYCLES = 0.1
"""Where a filter leaves too few shells of those, the last ones above this frequency are fitted."""
_ABOVE_FLOOR = 3.0
"""Shells of less power, relative to the missing wedge, hold a floor, such as that of 8 bits."""
_FEWEST_SHELLS = 6
_FILTERED = 0.1
"""Power at Nyquist, relative to the plateau, below which a tomogram is low-passed."""
_EXCESS = 2.0
"""Power of signal, relative to noise; the rings of the CTF vary noise by less."""
_GREY_VALUES = 256
"""Of 8 bits."""
_SAMPLE_SECTIONS = 5


@dataclass(frozen=True)
class NoiseFit:
    """Gaussian fall of the power: floor exp(-(k period)^2) times the detector's MTF squared."""

    level: float
    """Power per distance from the tilt axis at frequency 0, of noise alone."""
    period_angstrom: float
    """Of which the fraction exp(-1/2) of the amplitude remains; 0 without a fall."""
    relative_power_at_nyquist: float
    """Without the fall, 1."""

    @property
    def is_low_passed(self) -> bool:
        """True if the fall is more than noise shows."""
        return bool(self.relative_power_at_nyquist < _FILTERED)

    def noise(self, spectrum: Spectrum) -> NDArray[np.float64]:
        """Recorded power of the noise in each shell (n,)."""
        frequency, size = spectrum.frequency_per_angstrom, spectrum.voxel_size_angstrom
        return self.per_distance(frequency, size) * spectrum.noise_weight

    def per_distance(
        self, frequency_per_angstrom: NDArray[np.float64], voxel_size_angstrom: float
    ) -> NDArray[np.float64]:
        """Power at frequencies per distance from the tilt axis in cycles per voxel."""
        fall = np.exp(-((frequency_per_angstrom * self.period_angstrom) ** 2))
        mtf = np.sinc(frequency_per_angstrom * voxel_size_angstrom)  # of a detector, sinc(w / 2)
        return np.asarray(self.level * fall * mtf**2, np.float64)


def fit_noise(spectrum: Spectrum) -> NoiseFit | None:
    """Fit the level of noise and the low-pass filter to fine detail; None if there is too little.

    Where molecules outweigh noise even there, the fall is that of their resolution.
    """
    cycles, k = spectrum.cycles_per_voxel, spectrum.frequency_per_angstrom
    known = np.nan_to_num(spectrum.per_distance) > 0
    known &= ~(spectrum.recorded < _ABOVE_FLOOR * spectrum.missing)  # True if that is NaN
    low, high = _FITTED_CYCLES
    fitted = (cycles >= low) & (cycles <= high)
    shells = np.flatnonzero(known & fitted)
    is_cut = len(shells) < _FEWEST_SHELLS <= fitted.sum()
    if len(shells) < _FEWEST_SHELLS:
        shells = np.flatnonzero(known & (cycles >= _LOWEST_CYCLES))[-2 * _FEWEST_SHELLS :]
    if len(shells) < _FEWEST_SHELLS:
        return None
    y = np.log(spectrum.per_distance[shells] / np.sinc(cycles[shells]) ** 2)
    slope, intercept = np.polyfit(k[shells] ** 2, y, 1).tolist()
    left = math.exp(min(slope * (0.5 / spectrum.voxel_size_angstrom) ** 2, 0.0))
    if slope >= 0 or (left >= _FILTERED and not is_cut):
        return NoiseFit(math.exp(float(np.median(y))), 0.0, left)
    return NoiseFit(math.exp(intercept), math.sqrt(-slope), min(left, _FILTERED / 2))


def is_eight_bits(tomogram: Tomogram) -> bool:
    """Return True if some sections hold at most 256 different values."""
    depth = tomogram.grid.shape[0]
    sections = np.unique(np.linspace(0, depth - 1, _SAMPLE_SECTIONS).astype(int))
    values = [np.unique(tomogram.read(slice(z, z + 1))) for z in sections]
    return len(np.unique(np.concatenate(values))) <= _GREY_VALUES


def signal_end_angstrom(spectrum: Spectrum, noise: NoiseFit | None) -> float | None:
    """Finest resolution up to which the power exceeds noise; None if nowhere, or not to be told."""
    if noise is None or noise.is_low_passed:
        return None
    with np.errstate(invalid="ignore"):
        above = np.nan_to_num(spectrum.recorded / noise.noise(spectrum)) > _EXCESS
    first = int(np.argmax(above))
    if not above[first]:
        return None
    ends = np.flatnonzero(~above[first:])
    last = first + int(ends[0]) - 1 if len(ends) else len(above) - 1
    return float(1 / spectrum.frequency_per_angstrom[last])
