"""Contrast transfer function of the microscope.

Weak-phase approximation; no Ewald curvature (at 1 nm voxels it does not matter).
Frequencies in 1/angstrom; defocus in um, positive is underfocus.

Functions of frequency are computed by numpy in float64: torch's first sine of a process differed in
its last digits now and then when several threads shared it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ssn3d.microscope.settings import Optics

_ELECTRON_REST_ENERGY_EV = 510998.95
_HC_EV_ANGSTROM = 12398.419843


def wavelength_angstrom(voltage_kv: float) -> float:
    """Relativistic wavelength of electrons: 0.0197 angstrom at 300 kV."""
    energy_ev = voltage_kv * 1e3
    return _HC_EV_ANGSTROM / math.sqrt(energy_ev * (energy_ev + 2 * _ELECTRON_REST_ENERGY_EV))


def ctf(
    frequency_per_angstrom: NDArray[np.float64], optics: Optics, defocus_um: float
) -> NDArray[np.float64]:
    """CTF at spatial frequencies of any shape; negative near 0, so that protein is dark.

    `defocus_um` is that of the image, not of the optics, which may give a range.
    """
    wavelength = wavelength_angstrom(optics.voltage_kv)
    squared = frequency_per_angstrom**2
    phase = math.pi * wavelength * defocus_um * 1e4 * squared
    phase = phase - math.pi / 2 * optics.cs_mm * 1e7 * wavelength**3 * squared**2
    return np.asarray(-np.sin(phase + math.asin(optics.amplitude_contrast)))


def radial_frequency(size_y: int, size_x: int, pixel_size_angstrom: float) -> NDArray[np.float64]:
    """Spatial frequencies (y, x // 2 + 1) in 1/angstrom, laid out as rfft2 does."""
    y = np.fft.fftfreq(size_y, pixel_size_angstrom)
    x = np.fft.rfftfreq(size_x, pixel_size_angstrom)
    return np.asarray(np.hypot(y[:, None], x[None, :]))
