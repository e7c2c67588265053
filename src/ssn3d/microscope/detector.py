"""Noise before and after the CTF, and the detector's modulation transfer.

A tilt image is MTF * (CTF * (projection + n1) + n2). Both n1 and n2 are white Gaussian noise, drawn
independently for each image; n1 is therefore not structural noise, which would be the same specimen
in all tilts. Their variances add up to 1, and n1 has a set fraction f of it. The sum arrives as
Gaussian noise of power spectrum MTF^2 (f CTF^2 + 1 - f), and is drawn as such. CTF and MTF are
linear, so signal and unit noise are imaged separately and scaled later (`noise_scale`).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ssn3d.microscope.ctf import (
    PAD_PIXELS,
    ctf,
    multiply_spectrum,
    padded_frequency,
    transfer,
)
from ssn3d.microscope.settings import Detector, Optics

_BATCH = 8  # images at once


def mtf(
    frequency_per_angstrom: NDArray[np.float64], pixel_size_angstrom: float, kind: str
) -> NDArray[np.float64]:
    """Modulation transfer: sinc(w / 2) with w in fractions of Nyquist, or 1 for kind `none`."""
    if kind == "none":
        return np.ones_like(frequency_per_angstrom)
    nyquist = 1 / (2 * pixel_size_angstrom)
    return np.sinc(frequency_per_angstrom / nyquist / 2)


@dataclass(frozen=True)
class Camera:
    """Optics and detector, for images of one pixel size."""

    optics: Optics
    detector: Detector
    pixel_size_angstrom: float
    device: torch.device

    def _transfers(self, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """CTF and MTF, sampled for images (..., y, x) of a shape."""
        frequency = padded_frequency(shape[-2], shape[-1], self.pixel_size_angstrom)
        modulation = mtf(frequency, self.pixel_size_angstrom, self.detector.mtf)
        return ctf(frequency, self.optics), modulation

    def _placed(self, function_of_frequency: NDArray[np.float64]) -> torch.Tensor:
        """Bring a function of frequency to the device, as float32."""
        return torch.from_numpy(function_of_frequency.astype(np.float32)).to(self.device)

    def image(self, projections: NDArray[np.float32]) -> NDArray[np.float32]:
        """Noise-free images of projections (tilt, y, x)."""
        contrast, modulation = self._transfers(projections.shape)
        function = self._placed(contrast * modulation)
        images = np.empty_like(projections)
        for low in range(0, len(images), _BATCH):
            batch = torch.from_numpy(projections[low : low + _BATCH]).to(self.device)
            images[low : low + _BATCH] = transfer(batch, function).cpu().numpy()
        return images

    def unit_noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
        """Images (tilt, y, x) of noise alone, of variance 1 before CTF and MTF.

        Drawn on the CPU, so that every device sees the same noise.
        """
        contrast, modulation = self._transfers(shape)
        fraction = self.detector.noise_before_ctf_fraction
        amplitude = self._placed(modulation * np.sqrt(fraction * contrast**2 + 1 - fraction))
        padded = (shape[1] + 2 * PAD_PIXELS, shape[2] + 2 * PAD_PIXELS)
        noise = np.empty(shape, dtype=np.float32)
        for tilt in range(shape[0]):
            white = torch.from_numpy(rng.standard_normal(padded, dtype=np.float32))
            noise[tilt] = multiply_spectrum(white.to(self.device), amplitude).cpu().numpy()
        return noise
