"""Contrast transfer function of the microscope, applied to projections.

Weak-phase approximation; no Ewald curvature (at 1 nm voxels it does not matter).
Images are (..., y, x) float32; frequencies in 1/angstrom; defocus in um, positive is underfocus.

Functions of frequency are made by numpy, on one thread and in float64: torch's first sine of a
process was seen to differ in its last digits now and then when several threads shared it.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from ssn3d.microscope.settings import Optics

PAD_PIXELS = 24  # mirrored border; the CTF spreads a point over some 10 pixels of 1 nm
_ELECTRON_REST_ENERGY_EV = 510998.95
_HC_EV_ANGSTROM = 12398.419843


def wavelength_angstrom(voltage_kv: float) -> float:
    """Relativistic wavelength of electrons: 0.0197 angstrom at 300 kV."""
    energy_ev = voltage_kv * 1e3
    return _HC_EV_ANGSTROM / math.sqrt(energy_ev * (energy_ev + 2 * _ELECTRON_REST_ENERGY_EV))


def ctf(frequency_per_angstrom: NDArray[np.float64], optics: Optics) -> NDArray[np.float64]:
    """CTF at spatial frequencies of any shape; negative near 0, so that protein is dark."""
    wavelength = wavelength_angstrom(optics.voltage_kv)
    squared = frequency_per_angstrom**2
    phase = math.pi * wavelength * optics.defocus_um * 1e4 * squared
    phase = phase - math.pi / 2 * optics.cs_mm * 1e7 * wavelength**3 * squared**2
    return np.asarray(-np.sin(phase + math.asin(optics.amplitude_contrast)))


def radial_frequency(size_y: int, size_x: int, pixel_size_angstrom: float) -> NDArray[np.float64]:
    """Spatial frequencies (y, x // 2 + 1) in 1/angstrom, laid out as rfft2 does."""
    y = np.fft.fftfreq(size_y, pixel_size_angstrom)
    x = np.fft.rfftfreq(size_x, pixel_size_angstrom)
    return np.asarray(np.hypot(y[:, None], x[None, :]))


def transfer(images: torch.Tensor, function_of_frequency: torch.Tensor) -> torch.Tensor:
    """Multiply the spectra of images (..., y, x) by a function, sampled at `padded_frequency`.

    The images are mirrored at their borders.
    """
    padded = torch.nn.functional.pad(images, [PAD_PIXELS] * 4, mode="reflect")
    return multiply_spectrum(padded, function_of_frequency)


def multiply_spectrum(padded: torch.Tensor, function_of_frequency: torch.Tensor) -> torch.Tensor:
    """Multiply the spectra of padded images (..., y, x) by a function, and cut the padding off."""
    spectrum = torch.fft.rfft2(padded) * function_of_frequency
    filtered: torch.Tensor = torch.fft.irfft2(spectrum, s=padded.shape[-2:])
    return filtered[..., PAD_PIXELS:-PAD_PIXELS, PAD_PIXELS:-PAD_PIXELS]


def padded_frequency(size_y: int, size_x: int, pixel_size_angstrom: float) -> NDArray[np.float64]:
    """Frequencies at which `transfer` takes its function, for images (size_y, size_x)."""
    pad = 2 * PAD_PIXELS
    return radial_frequency(size_y + pad, size_x + pad, pixel_size_angstrom)
