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


def ctf(
    frequency_per_angstrom: NDArray[np.float64], optics: Optics, defocus_um: float
) -> NDArray[np.float64]:
    """CTF at spatial frequencies of any shape; negative near 0, so that protein is dark.

    `defocus_um` is that of the image; the optics may give a range, or let it vary.
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


def transfer(images: torch.Tensor, functions_of_frequency: torch.Tensor) -> torch.Tensor:
    """Multiply the spectra of images (..., y, x) by functions, sampled at `padded_frequency`.

    The images are mirrored at their borders.
    """
    return multiply_spectrum(_mirrored(images), functions_of_frequency)


def transfer_layers(layers: torch.Tensor, functions_of_frequency: torch.Tensor) -> torch.Tensor:
    """Add up layers (k, y, x) of one image (y, x), each seen through its function (k, ...)."""
    spectra = torch.fft.rfft2(_mirrored(layers)) * functions_of_frequency
    return _cut_out(torch.fft.irfft2(spectra.sum(dim=0), s=padded_shape(layers.shape)))


def multiply_spectrum(padded: torch.Tensor, functions_of_frequency: torch.Tensor) -> torch.Tensor:
    """Multiply the spectra of padded images (..., y, x) by functions, and cut the padding off."""
    spectrum = torch.fft.rfft2(padded) * functions_of_frequency
    return _cut_out(torch.fft.irfft2(spectrum, s=padded.shape[-2:]))


def _mirrored(images: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.pad(images, [PAD_PIXELS] * 4, mode="reflect")


def _cut_out(padded: torch.Tensor) -> torch.Tensor:
    return padded[..., PAD_PIXELS:-PAD_PIXELS, PAD_PIXELS:-PAD_PIXELS]


def padded_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Size (y, x) of padded images (..., y, x)."""
    return shape[-2] + 2 * PAD_PIXELS, shape[-1] + 2 * PAD_PIXELS


def padded_frequency(shape: tuple[int, ...], pixel_size_angstrom: float) -> NDArray[np.float64]:
    """Frequencies at which `transfer` takes its functions, for images (..., y, x) of a shape."""
    return radial_frequency(*padded_shape(shape), pixel_size_angstrom)
