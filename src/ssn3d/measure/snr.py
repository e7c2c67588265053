"""Estimate of a tomogram's SNR, as `microscope.snr` defines it, without knowing its particles.

Signal is the power between 80 and 250 A in excess of noise; noise is extrapolated from the highest
shells by the ramp of back-projection and the MTF of a detector (`finish.NoiseFit`). With Q, the
ratio of their variances, 1 / SNR is near a + b / Q: neighbours and the missing wedge bound the SNR
by 1 / a even without noise.
"""

from dataclasses import dataclass

import numpy as np

from ssn3d.measure.finish import NoiseFit
from ssn3d.measure.spectrum import Spectrum

_BAND_ANGSTROM = (80.0, 250.0)
_CEILING_INVERSE, _NOISE_FACTOR = 1.5, 0.79
"""a and b, fitted to 35 simulated tomograms of SNR 0.005 to 0.5 (docs/measure.md)."""
_NOISE_IN_BAND = 1.2
"""Noise in the band, relative to the extrapolation, whose detector is a guess."""
UNCERTAINTY = 3.0
"""Factor within which the SNR of simulated tomograms was found (docs/measure.md)."""


@dataclass(frozen=True)
class SNREstimate:
    """SNR, and the ratio of variances it follows from."""

    snr: float
    variance_ratio: float


def estimate_snr(spectrum: Spectrum, noise: NoiseFit | None) -> SNREstimate | None:
    """Estimate the SNR by a spectrum's fit; None where noise cannot be told from signal."""
    if noise is None or noise.is_low_passed:
        return None
    with np.errstate(divide="ignore"):
        resolution = 1 / spectrum.frequency_per_angstrom
    of_noise = noise.noise(spectrum)
    known = np.isfinite(of_noise) & np.isfinite(spectrum.recorded)
    voxels = spectrum.frequency_per_angstrom**2 * spectrum.recorded_share
    low, high = _BAND_ANGSTROM
    band = known & (resolution >= low) & (resolution <= high)
    if not band.any():
        return None
    excess = np.maximum(spectrum.recorded - _NOISE_IN_BAND * of_noise, 0)
    ratio = float((excess * voxels)[band].sum()) / float((of_noise * voxels)[known].sum())
    if not ratio > 0:
        return None
    return SNREstimate(1 / (_CEILING_INVERSE + _NOISE_FACTOR / ratio), ratio)
