"""Corrections of tilt images before reconstruction: flipped phases of the CTF, and dose weighting.

Images are multiplied, in Fourier space, by the sign of the CTF at the defocus that the correction
takes each tilt to have at its axis, and by the fraction of the signal that radiation damage has
left (Grant & Grigorieff 2015). Both are linear: signal and noise are corrected alike.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.detector import Camera
from ssn3d.microscope.dose import damping, loss_per_dose
from ssn3d.microscope.reconstruct import Correct


def flipped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factors that leave a CTF of these values negative: protein is dark at all frequencies."""
    return np.where(values > 0, -1.0, 1.0)


def correction(camera: Camera, shape: tuple[int, ...], every: slice) -> Correct | None:
    """Return the correction of images (y, x) of some tilts, None if nothing is corrected."""
    taken = camera.acquisition
    flips = taken.choices["ctf_correction"] == "phase_flip"
    weighs = taken.choices["reconstruction.dose_weighting"]
    if not (flips or weighs):
        return None
    padding, tilts = camera.padding((shape[0], shape[1])), taken.tilts
    frequency = padding.frequency(camera.pixel_size_angstrom)
    loss = loss_per_dose(frequency, camera.optics.voltage_kv)
    numbers = range(len(tilts.angle_deg))[every]

    def correct(place: int, image: torch.Tensor) -> torch.Tensor:
        tilt = numbers[place]
        function = np.ones_like(frequency)
        if flips:
            defocus_um = float(tilts.corrected_defocus_um[tilt])
            function = flipped(ctf(frequency, camera.optics, defocus_um))
        if weighs:
            before, during = tilts.dose_before_e_per_angstrom2, tilts.dose_e_per_angstrom2
            function = function * damping(loss, float(before[tilt]), float(during[tilt]))
        placed = torch.from_numpy(function.astype(np.float32)).to(image.device)
        return padding.transfer(image, placed)

    return correct
