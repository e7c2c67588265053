"""Images of projections as formed by optics and detector, and their noise.

A tilt image is MTF * (CTF * (D * projection + n1) + n2 / sqrt(DQE)), with D the damping by
radiation damage (`dose`). Both n1 and n2 are white Gaussian noise, independent in each image; n1 is
therefore not structural noise, which would be the same specimen in all tilts. Their variances add
up to 1, of which n1 has a set fraction f, times factors v1 and v2 that change with the tilt
(`shot_noise`). The DQE, relative to its value at 0, is 1 without a table. The sum is Gaussian noise
of power spectrum MTF^2 (v1 f CTF^2 + v2 (1 - f) / DQE), and is drawn as such. All of this is
linear, so signal and unit noise are imaged separately and scaled later (`noise_scale`).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ssn3d.core.parallel import parallel_map
from ssn3d.microscope.acquisition import Acquisition
from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.defocus_gradient import defocus_layers, defocus_offsets_um
from ssn3d.microscope.detector_table import DetectorTable
from ssn3d.microscope.dose import damping, loss_per_dose
from ssn3d.microscope.padding import Padding
from ssn3d.microscope.settings import Detector, Optics


def mtf_and_dqe(
    frequency_per_angstrom: NDArray[np.float64],
    pixel_size_angstrom: float,
    kind: str | DetectorTable,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Modulation transfer and relative detective quantum efficiency of a table or a kind.

    For `sinc`, the MTF is sinc(w / 2) with w in fractions of Nyquist, for `none` 1; the DQE is 1.
    """
    cycles_per_pixel = frequency_per_angstrom * pixel_size_angstrom
    if isinstance(kind, DetectorTable):
        return kind.at(cycles_per_pixel)
    ones = np.ones_like(cycles_per_pixel)
    nyquist = 1 / (2 * pixel_size_angstrom)
    return ones if kind == "none" else np.sinc(frequency_per_angstrom / nyquist / 2), ones


@dataclass(frozen=True)
class Camera:
    """Optics, detector and acquisition of a tilt series, for images of one pixel size."""

    optics: Optics
    detector: Detector
    acquisition: Acquisition
    pixel_size_angstrom: float
    device: torch.device

    def _offsets_um(self, tilt: int, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Defocus of each pixel (y, x) of a tilt image, relative to the tilt axis."""
        slopes = self.acquisition.tilts.defocus_slopes[tilt]
        return defocus_offsets_um(shape, slopes, self.pixel_size_angstrom)

    def padding(self, shape: tuple[int, int]) -> Padding:
        """Borders of images (y, x), equal for all tilts."""
        defocus = self.acquisition.tilts.defocus_um
        if self.optics.defocus_across_field:
            offsets = [self._offsets_um(tilt, shape) for tilt in (0, len(defocus) - 1)]
            most = np.abs(offsets).max()  # the first and last tilt are the steepest
            defocus = np.concatenate([defocus - most, defocus + most])
        return Padding.for_ctf(shape, self.optics, defocus, self.pixel_size_angstrom)

    def _curves(
        self, padding: Padding
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Frequency, MTF and DQE, sampled for padded images."""
        frequency = padding.frequency(self.pixel_size_angstrom)
        kind = self.acquisition.detector_table or str(self.detector.mtf)
        return frequency, *mtf_and_dqe(frequency, self.pixel_size_angstrom, kind)

    def _placed(self, function_of_frequency: NDArray[np.float64]) -> torch.Tensor:
        """Copy a function of frequency to the device, as float32."""
        return torch.from_numpy(function_of_frequency.astype(np.float32)).to(self.device)

    def image(self, projections: NDArray[np.float32]) -> NDArray[np.float32]:
        """Noise-free, aligned images of projections (tilt, y, x)."""
        shape = (projections.shape[1], projections.shape[2])
        padding = self.padding(shape)
        function = self._signal_functions(padding)
        images = np.empty_like(projections)

        def across_field(tilt: int) -> None:
            offsets, weights = defocus_layers(
                self._offsets_um(tilt, shape), self.pixel_size_angstrom, self.optics.voltage_kv
            )
            layers = torch.from_numpy(projections[tilt] * weights).to(self.device)
            functions = torch.stack([function(tilt, float(offset)) for offset in offsets])
            images[tilt] = padding.transfer_layers(layers, functions).cpu().numpy()

        def uniform(tilt: int) -> None:
            projection = torch.from_numpy(projections[tilt]).to(self.device)
            images[tilt] = padding.transfer(projection[None], function(tilt, 0.0))[0].cpu().numpy()

        work = across_field if self.optics.defocus_across_field else uniform
        parallel_map(work, range(len(images)))
        return images

    def _signal_functions(self, padding: Padding) -> Callable[[int, float], torch.Tensor]:
        """Transfer function of a projection's spectrum, by tilt and defocus offset."""
        frequency, modulation, _ = self._curves(padding)
        loss, tilts = loss_per_dose(frequency, self.optics.voltage_kv), self.acquisition.tilts
        # Cached, since all tilts, or all layers of a tilt, may have the same function.

        @functools.lru_cache(maxsize=1)
        def damped(before: float, during: float) -> NDArray[np.float64]:
            return modulation * damping(loss, before, during)

        @functools.lru_cache(maxsize=1)
        def function(defocus_um: float, before: float, during: float) -> torch.Tensor:
            return self._placed(ctf(frequency, self.optics, defocus_um) * damped(before, during))

        def function_of_tilt(tilt: int, offset_um: float) -> torch.Tensor:
            before, during = tilts.dose_before_e_per_angstrom2, tilts.dose_e_per_angstrom2
            defocus_um = float(tilts.defocus_um[tilt]) + offset_um
            return function(defocus_um, float(before[tilt]), float(during[tilt]))

        return function_of_tilt

    def unit_noise(self, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        """Images (tilt, y, x) of noise alone, for a shape (y, x), of variance 1 before CTF and MTF.

        The variance is that of a beam normal to the ice (`shot_noise`); the CTF is that of the tilt
        axis. The noise is drawn on the CPU, so that it is the same on every device.
        """
        padding = self.padding(shape)
        frequency, modulation, dqe = self._curves(padding)
        fraction, tilts = self.detector.noise_before_ctf_fraction, self.acquisition.tilts

        @functools.lru_cache(maxsize=1)
        def amplitude(defocus_um: float, before_ctf: float, after_ctf: float) -> torch.Tensor:
            ice = fraction * before_ctf * ctf(frequency, self.optics, defocus_um) ** 2
            counting = after_ctf / dqe
            return self._placed(modulation * np.sqrt(ice + counting - fraction * counting))

        noise = np.empty((len(tilts.angle_deg), *shape), dtype=np.float32)
        of_tilts = (
            tilts.defocus_um,
            tilts.noise_variance_before_ctf,
            tilts.noise_variance_after_ctf,
        )

        def colour(tilt_and_white: tuple[int, NDArray[np.float32]]) -> None:
            tilt, white = tilt_and_white
            curve = amplitude(*(float(values[tilt]) for values in of_tilts))
            filtered = padding.multiply_spectrum(torch.from_numpy(white).to(self.device), curve)
            noise[tilt] = filtered.cpu().numpy()

        whites = (rng.standard_normal(padding.padded, dtype=np.float32) for _ in noise)
        parallel_map(colour, enumerate(whites))
        return noise
